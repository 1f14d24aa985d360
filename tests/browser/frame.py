"""The page in its frame, with Airflow around it."""

from playwright.sync_api import FrameLocator, Page, expect


def page_frame(tab: Page) -> FrameLocator:
    """Wait until a tab has come to the page in Airflow; return the frame that the page is in."""
    tab.wait_for_url("**/plugin/pattern-detection**")
    return tab.frame_locator("iframe[title='Pattern detection']")


def await_scripts(shown: Page | FrameLocator) -> None:
    """Wait until the page's scripts have begun: before that nothing answers a click."""
    expect(shown.locator("[role=tab][aria-selected=true]")).to_have_count(1)
