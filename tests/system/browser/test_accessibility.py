"""The page by keyboard, in the dark colour scheme, and on a phone."""

import re

import pytest
from playwright.sync_api import expect

from tests.system.browser.conftest import DARK, HERE, PHONE, Visitor, rows

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MERCHANT = "M1823072687"
FOCUSED = "one => one.name || one.id || one.closest('figure')?.id || one.getAttribute('class')"
# The outline of a radio button is drawn around its text.
FOCUS_IS_VISIBLE = """() => [document.activeElement, document.activeElement.nextElementSibling].some(
    (one) => one && getComputedStyle(one).outlineStyle !== "none")"""


def test_plot_values_can_be_read_by_keyboard(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    expect(tab.locator("#plot-detections rect")).not_to_have_count(0)
    tab.locator("#plot-detections svg").focus()
    tab.keyboard.press("Home")
    first = tab.locator("#plot-detections .readout").inner_text()
    tab.keyboard.press("ArrowRight")
    second = tab.locator("#plot-detections .readout").inner_text()
    assert first != second
    assert re.fullmatch(r"\d\d:\d\d", second)


def test_every_control_can_be_reached_by_keyboard(visitor: Visitor) -> None:
    tab = visitor.open_alone()
    expect(rows(tab, "detections")).to_have_count(25)
    tab.get_by_role("tab", name="Detections").focus()
    for key, name in (
        ("ArrowRight", "Merchants"),
        ("End", "Runs"),
        ("ArrowRight", "Detections"),
        ("ArrowLeft", "Runs"),
    ):
        tab.keyboard.press(key)
        expect(tab.get_by_role("tab", name=name)).to_be_focused()
        expect(tab.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    tab.keyboard.press("Home")
    tab.locator("body").evaluate("body => document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        seen.append(str(tab.evaluate(f"({FOCUSED})(document.activeElement)")))
        # The window itself follows the last control.
        if tab.evaluate("document.activeElement !== document.body"):
            assert tab.evaluate(FOCUS_IS_VISIBLE)
    assert [
        name for name in ("span", "plot-lag", "tab-detections", "pattern", "download", "open") if name not in seen
    ] == []


@pytest.mark.parametrize("visitor", [{}, DARK], ids=["light", "dark"], indirect=True)
def test_text_has_enough_contrast_in_both_colour_schemes(visitor: Visitor, request: pytest.FixtureRequest) -> None:
    tab = visitor.open_alone()
    expect(rows(tab, "detections")).to_have_count(25)
    name = request.node.callspec.id
    expect(tab.locator("html")).to_have_attribute("data-theme", name)
    backgrounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 30, 39)"}
    expect(tab.locator("#chunker")).to_have_css("background-color", backgrounds[name])
    ratios = tab.evaluate((HERE / "contrast.js").read_text())
    assert len(ratios) > 100
    tab.get_by_role("tab", name="Explain").click()
    tab.locator("#explain").get_by_role("searchbox", name="Merchant").fill(MERCHANT)
    tab.locator("#explain").get_by_role("button", name="Explain", exact=True).click()
    expect(tab.locator("#explain .evidence")).to_have_count(1)
    ratios += tab.evaluate((HERE / "contrast.js").read_text())
    tab.get_by_role("tab", name="Rules").click()
    tab.get_by_role("button", name="Changes of version 1").click()
    expect(tab.locator("#rules .diff")).to_be_visible()
    ratios += tab.evaluate((HERE / "contrast.js").read_text())
    assert [(round(ratio, 2), text) for ratio, text in ratios if ratio < 4.5] == []


def test_the_page_follows_airflows_colour_scheme(visitor: Visitor) -> None:
    shown = visitor.open_in_airflow()
    expect(shown.locator("html")).to_have_attribute("data-theme", "light")
    visitor.tab.evaluate("localStorage.setItem('theme', 'dark')")
    expect(shown.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
@pytest.mark.parametrize("panel", ["detections", "merchants", "explain", "rules", "quarantine", "runs"])
def test_no_panel_is_wider_than_a_phone(visitor: Visitor, panel: str) -> None:
    tab = visitor.open_alone(f"#tab={panel}&explain_merchant={MERCHANT}")
    expect(tab.locator(f"#{panel} table")).not_to_have_count(0)
    expect(tab.locator("#plot-lag polyline")).not_to_have_count(0)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
