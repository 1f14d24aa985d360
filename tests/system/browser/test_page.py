"""The page in a real browser, in a real Airflow."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Route, expect

from local.airflow_settings import USER
from pattern_page import LABEL
from tests.system.browser.conftest import DARK, FORMULA_CUSTOMER, HERE, IMAGES, PHONE, Visitor, rows, write_history
from tests.system.browser.frame import await_scripts, page_frame
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT, PageLake, line

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_airflows_login_leads_to_the_page(visitor: Visitor) -> None:
    visitor.context.clear_cookies()
    visitor.tab.goto(f"{visitor.page.url}/pattern-detection/")
    visitor.tab.get_by_label("Username").fill(USER)
    visitor.tab.get_by_label("Password").fill(visitor.page.passwords[USER])
    visitor.tab.get_by_role("button", name="Sign in").click()
    shown = page_frame(visitor.tab)
    expect(shown.locator("[data-value=landed_line]")).to_have_text("60,015")


def test_the_page_opens_from_airflows_menu_and_shows_the_current_state(visitor: Visitor) -> None:
    visitor.page.lake.beat()
    shown = visitor.open_in_airflow()
    expect(shown.locator("#chunker .level")).to_have_text("Running")
    expect(shown.locator("#detector .level")).to_have_text("Running")
    expect(shown.locator("[data-value=landed_line]")).to_have_text("60,015")
    expect(shown.locator("[data-value=committed_line]")).to_have_text("60,015")
    expect(shown.locator("[data-value=quarantined]")).to_have_text("3 (<0.01%)")
    expect(shown.locator("#by-pattern li")).to_have_text(
        [re.compile("PatId1"), re.compile("PatId2"), re.compile("PatId3"), re.compile("PatId4 BIG-SPENDER shadow")]
    )
    assert int(shown.locator("[data-value=total]").inner_text().replace(",", "")) > 500


def test_plots_have_lines_axes_and_readouts(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    expect(tab.locator("#plot-lag polyline")).not_to_have_count(0)
    expect(tab.locator("#plot-throughput polyline")).to_have_count(2)
    assert tab.locator("#plot-detections rect.series-1").count() > 20
    expect(tab.locator("#plot-lag figcaption")).to_contain_text("seconds")
    ticks = tab.locator("#plot-throughput .grid text").evaluate_all("all => all.map(one => one.textContent)")
    assert ticks[0] == "0"
    assert len(ticks) >= 3
    tab.locator("#plot-throughput svg").hover()
    expect(tab.locator("#plot-throughput .below")).to_have_text(
        re.compile(r"landed [\d,]+.*committed [\d,]+.*\d\d:\d\d")
    )
    # The day's line has a gap while the detector was down.
    tab.get_by_text("24 h").click()
    expect(tab.locator("#plot-lag polyline")).to_have_count(2)


def test_detections_can_be_filtered_and_the_url_keeps_the_filter(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    expect(rows(tab, "detections")).to_have_count(25)
    tab.get_by_role("combobox", name="Pattern").select_option("PatId3")
    expect(tab.locator("#detections .count")).not_to_have_text(re.compile("^[5-9]..|,"))
    assert set(tab.locator("#detections tbody td:nth-child(3)").all_inner_texts()) == {"PatId3 DEI-NEEDED"}
    tab.get_by_role("combobox", name="Pattern").select_option("")
    tab.locator("#detections").get_by_role("searchbox", name="Customer").fill(FORMULA_CUSTOMER)
    expect(tab.locator("#detections .count")).to_have_text("1 detection")
    tab.reload()
    expect(tab.locator("#detections .count")).to_have_text("1 detection")
    expect(tab.locator("#detections").get_by_role("searchbox", name="Customer")).to_have_value(FORMULA_CUSTOMER)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text()
    assert f"'{FORMULA_CUSTOMER}" in text
    assert len(text.splitlines()) == 2


def test_the_download_is_saved_from_airflows_frame(visitor: Visitor) -> None:
    shown = visitor.open_in_airflow()
    expect(rows(shown, "detections")).to_have_count(25)
    with visitor.tab.expect_download() as download:
        shown.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "detections.csv"
    assert len(Path(download.value.path()).read_text().splitlines()) > 500


def test_no_url_names_a_customer_or_a_merchant(visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.context.on("request", lambda request: asked.append(request.url))
    tab = visitor.open_alone("#customer=C1093826151&merchant=M1823072687")
    expect(tab.locator("#detections").get_by_role("searchbox", name="Customer")).to_have_value("C1093826151")
    expect(tab.locator("#detections .count")).to_have_text(re.compile("detection"))
    tab.get_by_role("tab", name="Merchants").click()
    tab.locator("#merchants").get_by_role("searchbox", name="Merchant").fill("M1823072687")
    expect(rows(tab, "merchants")).to_have_count(1)
    tab.get_by_role("button", name="History of merchant").click()
    expect(tab.locator("#merchants polyline")).to_have_count(6)
    sent = [url.partition("#")[0] for url in asked]
    assert f"{visitor.page.url}/pattern-detection/api/merchants/history" in sent
    assert [url for url in sent if "C1093826151" in url or "M1823072687" in url] == []


def test_the_pages_label_fits_into_airflows_navigation(visitor: Visitor) -> None:
    visitor.tab.goto(visitor.page.url)
    link = visitor.tab.get_by_role("link", name=LABEL, exact=True)
    expect(link).to_be_visible()
    # Replaces the label, if given, and returns whether any element around it cuts it off.
    cut = """(link, label) => {
        const all = [link, ...link.querySelectorAll("*")];
        if (label) all.find((one) => !one.children.length && one.textContent).textContent = label;
        return all.some((one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
    }"""
    assert not link.evaluate(cut, "")
    assert link.evaluate(cut, "Pattern detection")


def test_what_is_hidden_or_not_read_is_said(visitor: Visitor) -> None:
    def changed(route: Route) -> None:
        # Without the ETag, which would be answered with 304.
        headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=headers)
        state = answer.json()
        state["hidden"] = "Customers and merchants are hidden from you"
        state["lake"]["quarantine"] |= {"capped": True, "latest": []}
        state["found"] |= {"merchants_capped": True, "first": 100}
        route.fulfill(response=answer, json=state)

    visitor.context.route("**/api/state*", changed)
    tab = visitor.open_alone()
    for panel in ("Detections", "Merchants", "Quarantine"):
        tab.get_by_role("tab", name=panel).click()
        expect(tab.locator(f"#{panel.lower()}")).to_contain_text("are hidden from you")
    expect(tab.locator("[data-value=quarantined]")).to_contain_text("at least 3")
    expect(tab.locator("[data-value=merchants]")).to_contain_text("at least")
    expect(tab.locator("[data-value=files]")).to_contain_text("shown and counted from number 100 on")
    expect(tab.locator("#quarantine")).to_contain_text("too large to be read here in full")
    visitor.context.unroute_all(behavior="ignoreErrors")


def test_a_busy_server_is_reported_and_asked_again(visitor: Visitor) -> None:
    detail = "No answer within 20 s: too much is being read at once; try again in 5 s"
    busy: list[Route] = []

    def refused(route: Route) -> None:
        busy.append(route)
        if len(busy) == 1:
            route.fulfill(status=503, json={"detail": detail})
        else:
            route.continue_()

    visitor.context.route("**/api/detections", refused)
    tab = visitor.open_alone()
    expect(tab.locator("#detections")).to_contain_text(detail)
    expect(rows(tab, "detections")).to_have_count(25)
    assert [text for text in visitor.complaints if "503" not in text] == []
    visitor.complaints.clear()


def test_markup_in_data_is_shown_as_text(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    tab.locator("#detections").get_by_role("searchbox", name="Merchant").fill("<script")
    expect(rows(tab, "detections")).to_have_count(1)
    expect(rows(tab, "detections").locator("td").nth(3)).to_have_text(SCRIPT_MERCHANT)
    tab.get_by_role("tab", name="Quarantine").click()
    expect(tab.locator("#quarantine")).to_contain_text("only,<b>three</b>,fields")
    assert tab.locator("#quarantine b").count() == 0
    tab.get_by_role("tab", name="Merchants").click()
    tab.locator("#merchants").get_by_role("searchbox", name="Merchant").fill("<script")
    expect(rows(tab, "merchants").locator("td").nth(1)).to_have_text(SCRIPT_MERCHANT)
    tab.get_by_role("button", name=f"History of merchant {SCRIPT_MERCHANT}").click()
    expect(tab.locator("#merchants figure")).to_have_count(4)
    # The visitor fixture fails the test if a script opened a dialog.
    assert tab.locator("main script").count() == 0


def test_evidence_is_shown_with_its_thresholds_and_its_file(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    tab.locator("#detections").get_by_role("searchbox", name="Customer").fill(FORMULA_CUSTOMER)
    expect(rows(tab, "detections")).to_have_count(1)
    tab.get_by_role("button", name="Evidence of detection").press("Enter")
    evidence = tab.locator("#detections .evidence")
    expect(evidence).to_contain_text(re.compile(r"transactions\s*12\s*≥\s*8"))
    expect(evidence).to_contain_text(re.compile(r"mean amount\s*₹1\s*<\s*₹23"))
    expect(evidence.locator("code")).to_have_text(re.compile(r"^detections/detections_\d+_\d{8}\.csv$"))


def test_a_file_opens_in_a_new_window_and_a_pending_one_says_how_many_are_missing(visitor: Visitor) -> None:
    shown = visitor.open_in_airflow()
    expect(rows(shown, "detections").first.locator("td").last).to_have_text(re.compile(r"waiting for \d+ more"))
    with visitor.context.expect_page() as opened:
        shown.get_by_role("link", name=re.compile(r"^file \d+$")).first.click()
    expect(opened.value.locator("body")).to_contain_text("YStartTime(IST),detectionTime(IST),patternId")
    assert len(opened.value.locator("body").inner_text().strip().splitlines()) == 51


def test_merchants_can_be_sorted_and_link_to_their_detections(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    tab.get_by_role("tab", name="Merchants").click()
    first = rows(tab, "merchants").first
    expect(first.locator("td").nth(1)).to_have_text("M1823072687")
    header = tab.get_by_role("columnheader", name="Customers")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(header.get_by_role("button")).to_be_focused()
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    customers = [
        int(text.replace(",", "")) for text in tab.locator("#merchants tbody td:nth-child(4)").all_inner_texts()
    ]
    assert customers == sorted(customers)
    tab.locator("#merchants").get_by_role("searchbox", name="Merchant").fill("M1823072687")
    expect(rows(tab, "merchants")).to_have_count(1)
    first.get_by_role("button").click()
    expect(tab.locator("#merchants polyline")).to_have_count(6)
    tab.get_by_role("button", name="Its detections").click()
    expect(tab.get_by_role("tab", name="Detections")).to_have_attribute("aria-selected", "true")
    expect(tab.locator("#detections").get_by_role("searchbox", name="Merchant")).to_have_value("M1823072687")
    expect(rows(tab, "detections")).to_have_count(25)


def test_runs_link_out_of_the_frame_to_airflow_and_databricks(visitor: Visitor) -> None:
    shown = visitor.open_in_airflow()
    shown.get_by_role("tab", name="Runs").click()
    runs = shown.locator("#runs")
    expect(runs).to_contain_text("chunk_transactions")
    expect(runs.get_by_role("link", name=re.compile(r"^run \d+$"))).not_to_have_count(0, timeout=60_000)
    with visitor.context.expect_page() as opened:
        runs.get_by_role("link", name=re.compile(r"^run \d+$")).first.click()
    expect(opened.value.locator("body")).to_contain_text("chunker")
    opened.value.close()
    runs.get_by_role("link", name="log of watch").first.click()
    visitor.tab.wait_for_url("**/dags/watch_freshness/runs/*/tasks/watch**")
    expect(visitor.tab.locator("iframe")).to_have_count(0)


def test_a_dags_docs_link_to_the_page(visitor: Visitor) -> None:
    visitor.tab.goto(f"{visitor.page.url}/dags/watch_freshness")
    # Airflow's own "Docs" and the link in its menu are rendered earlier.
    visitor.tab.get_by_role("button", name="Dag Docs").click()
    with visitor.context.expect_page() as opened:
        visitor.tab.get_by_role("dialog").get_by_role("link", name="Pattern detection").click()
    await_scripts(page_frame(opened.value))


def test_the_page_refreshes_itself_and_keeps_unchanged_elements(visitor: Visitor) -> None:
    lake = PageLake(visitor.page.lake.s3, "refreshed")
    lake.upload(b"".join(line(f"C{number}") for number in range(20)))
    lake.land()
    visitor.page.show(lake.settings)
    try:
        tab = visitor.open_alone()
        expect(tab.locator("[data-value=landed_line]")).to_have_text("20")
        tab.locator("#detections").get_by_role("searchbox", name="Merchant").fill("still being typed")
        changes = tab.evaluate_handle((HERE / "changes.js").read_text())
        lake.upload(b"".join(line(f"C{number}") for number in range(50)))
        lake.land()
        expect(tab.locator("[data-value=landed_line]")).to_have_text("50")
        expect(tab.locator("#detections").get_by_role("searchbox", name="Merchant")).to_have_value("still being typed")
        changed = set(changes.json_value())
        # Cards, tables and forms are not rebuilt: only texts in them change.
        assert not changed & {"ARTICLE chunker", "FORM detection-filters", "DIV detections", "MAIN", "BODY", "TBODY"}
        assert "DD landed_line" in changed
    finally:
        visitor.page.show(visitor.page.lake.settings)


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        (
            {"lake": "s3://transactions/nothing", "source": "s3://transactions/nothing.csv"},
            ["Not started", "There is no master file yet", "No detections yet."],
        ),
        (
            {"lake": "s3://no-such-bucket/lake"},
            ["The lake cannot be read since", "the bucket does not exist", "Unknown"],
        ),
        ({"chunksize": 1}, ["unknown setting chunksize"]),
    ],
    ids=["empty", "unreachable", "misconfigured"],
)
def test_an_empty_unreachable_or_misconfigured_lake_is_reported(
    visitor: Visitor, settings: dict[str, Any], texts: list[str]
) -> None:
    visitor.page.show(visitor.page.lake.settings | settings)
    try:
        tab = visitor.open_alone()
        for text in texts:
            expect(tab.locator("main")).to_contain_text(text)
    finally:
        visitor.page.show(visitor.page.lake.settings)


def test_an_expired_login_is_reported_and_the_figures_are_greyed(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    expect(tab.locator("#updated")).to_contain_text("updated automatically")
    visitor.context.clear_cookies()
    expect(tab.locator("#updated")).to_have_text("No longer updated: your login has expired. Reload Airflow to log in.")
    expect(tab.locator("main")).to_have_css("opacity", "0.55")
    assert [text for text in visitor.complaints if "401" not in text] == []
    visitor.complaints.clear()


@pytest.mark.parametrize("visitor", [DARK], ids=["dark"], indirect=True)
def test_screenshots_for_the_docs(visitor: Visitor, request: pytest.FixtureRequest) -> None:
    """Write them if `--screenshots` is given: in Airflow in both schemes, and the page alone on a phone."""
    if not request.config.getoption("screenshots"):
        pytest.skip("needs --screenshots")
    IMAGES.mkdir(parents=True, exist_ok=True)
    write_history(visitor.page.lake)
    visitor.page.lake.beat()
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        visitor.tab.emulate_media(color_scheme=scheme)
        shown = visitor.open_in_airflow()
        # Until the data of the previous tests has been replaced.
        expect(shown.locator("#problems")).to_be_empty(timeout=60_000)
        expect(shown.locator("#plot-lag circle")).to_have_count(0, timeout=60_000)
        visitor.page.lake.beat()
        expect(shown.locator("#detector .level")).to_have_text("Running")
        shown.get_by_role("button", name="Evidence of detection").nth(1).click()
        expect(shown.locator("#detections .evidence")).to_be_visible()
        shown.locator("#plot-throughput svg").hover()
        visitor.tab.screenshot(path=IMAGES / f"pattern-detection-{scheme}.png")
    shown.get_by_role("tab", name="Merchants").click()
    shown.get_by_role("button", name="History of merchant").nth(1).click()
    expect(shown.locator("#merchants polyline")).to_have_count(6)
    shown.locator("#merchants figure").first.scroll_into_view_if_needed()
    visitor.tab.screenshot(path=IMAGES / "pattern-detection-merchant.png")
    shown.get_by_role("tab", name="Explain").click()
    shown.locator("#explain").get_by_role("searchbox", name="Merchant").fill("M1823072687")
    shown.locator("#explain").get_by_role("button", name="Explain", exact=True).click()
    shown.locator("#explain .buttons button").first.click()
    expect(shown.locator("#explain .evidence")).to_have_count(4)
    shown.locator("#explain form").evaluate("form => form.scrollIntoView()")
    visitor.tab.screenshot(path=IMAGES / "pattern-detection-explain.png")
    shown.get_by_role("tab", name="Rules").click()
    shown.get_by_role("button", name="Changes of version 1").click()
    expect(shown.locator("#rules .diff")).to_be_visible()
    shown.locator("#rules").evaluate("panel => panel.scrollIntoView()")
    visitor.tab.screenshot(path=IMAGES / "pattern-detection-rules.png")
    visitor.tab.emulate_media(color_scheme="light")
    visitor.tab.set_viewport_size(PHONE["viewport"])
    tab = visitor.open_alone()
    expect(tab.locator("#plot-lag polyline")).not_to_have_count(0)
    tab.screenshot(path=IMAGES / "pattern-detection-phone.png")
