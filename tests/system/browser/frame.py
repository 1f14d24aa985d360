"""The page's frame in Airflow."""

from playwright.sync_api import FrameLocator, Page, expect

from pattern_page import LABEL


def page_frame(tab: Page) -> FrameLocator:
    """Wait until a tab shows the page in Airflow; return the page's frame."""
    tab.wait_for_url("**/plugin/pattern-detection**")
    return tab.frame_locator(f"iframe[title='{LABEL}']")


def await_scripts(shown: Page | FrameLocator) -> None:
    """Wait until the page's scripts run: before that, clicks have no effect."""
    # An Airflow that has just started, on a busy machine, takes longer than for anything else.
    expect(shown.locator("[role=tab][aria-selected=true]")).to_have_count(1, timeout=60_000)
