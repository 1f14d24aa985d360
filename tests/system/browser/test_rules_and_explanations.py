"""Searching for an explanation, and the versions of the rules, in a real browser."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.system.browser.conftest import FORMULA_CUSTOMER, Visitor
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_search_shows_each_condition_of_each_pattern(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    tab.get_by_role("tab", name="Explain").click()
    panel = tab.locator("#explain")
    merchant, customer = (panel.get_by_role("searchbox", name=name) for name in ("Merchant", "Customer"))
    merchant.fill(SCRIPT_MERCHANT)
    panel.get_by_role("button", name="Explain", exact=True).click()
    expect(panel.locator("h3")).to_contain_text(["PatId3 DEI-NEEDED of the merchant does not hold", "Its customers"])
    expect(panel.locator(".evidence")).to_contain_text("no, off by")
    panel.get_by_role("button", name=f"{FORMULA_CUSTOMER} 12").click()
    expect(panel.locator(".evidence h3")).to_contain_text(
        ["PatId1", "PatId2 CHILD holds", "PatId3", "PatId4 BIG-SPENDER shadow"]
    )
    child = panel.locator(".evidence").nth(1)
    expect(child).to_contain_text(re.compile(r"Reported at line [\d,]+, .* by version 0 of the rules, as number \d+"))
    expect(child.locator("tbody tr").first).to_have_text(re.compile("transactions12≥8.*yes"))
    tab.reload()
    expect(panel.locator(".evidence")).to_have_count(4)
    expect(customer).to_have_value(FORMULA_CUSTOMER)
    customer.fill("nobody")
    customer.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("has no customer 'nobody' as of line 60,015")
    assert [text for text in visitor.complaints if "404" not in text] == []
    visitor.complaints.clear()
    tab.get_by_role("tab", name="Detections").click()
    tab.get_by_role("button", name="Evidence of detection").first.click()
    tab.get_by_role("button", name="Explain as of now").click()
    expect(panel.locator(".evidence").first).to_be_visible()


def test_versions_of_the_rules_show_what_each_changed(visitor: Visitor) -> None:
    def with_form(route: Route) -> None:
        # Without the ETag, which would be answered with 304.
        headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=headers)
        state = answer.json()
        state["dags"].append({"id": "change_rules", "paused": False, "runs": []})
        route.fulfill(response=answer, json=state)

    visitor.tab.route("**/api/state*", with_form)
    tab = visitor.open_alone("#tab=rules")
    panel = tab.locator("#rules")
    expect(panel.locator(".summary")).to_have_text("Version 2 is in force from line 40,000 on.")
    expect(panel.get_by_role("link", name="Change the rules")).to_have_attribute(
        "href", re.compile("/dags/change_rules$")
    )
    expect(panel.locator(".state")).to_have_text(["in force", "replaced", "replaced"])
    for version, added, removed in (
        (2, "+PatId4 BIG-SPENDER pair shadow", None),
        (1, "+  mean_amount < 25", "-  mean_amount < 23"),
    ):
        panel.get_by_role("button", name=f"Changes of version {version}").click()
        diff = panel.locator(".detail:visible .diff").nth(2 - version)
        expect(diff.locator(".added").first).to_have_text(added + "\n")
        expect(diff.locator(".removed")).to_have_text([removed + "\n"] if removed else [])
    panel.get_by_text("Text of version 2").click()
    expect(panel.get_by_text('status = "shadow"')).to_be_visible()
    panel.get_by_role("button", name="Evidence of PatId4 in shadow").first.click()
    expect(panel.locator(".evidence table")).to_contain_text("mean amount")
