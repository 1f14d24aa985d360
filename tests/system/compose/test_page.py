"""The page in a browser, behind Airflow's own login."""

import pytest
from playwright.sync_api import Browser, expect

from local.airflow_settings import USER
from tests.system.browser.frame import page_frame
from tests.system.compose.stack import Stack

pytestmark = pytest.mark.compose


def test_the_page_shows_the_committed_line(stack: Stack, browser: Browser) -> None:
    tab = browser.new_page()
    tab.goto(f"{stack.airflow_url}/pattern-detection/")
    tab.get_by_label("Username").fill(USER)
    tab.get_by_label("Password").fill(stack.password)
    tab.get_by_role("button", name="Sign in").click()
    shown = page_frame(tab)
    lines = f"{stack.source.rows:,}"
    expect(shown.locator("[data-value=landed_line]")).to_have_text(lines, timeout=30_000)
    expect(shown.locator("[data-value=committed_line]")).to_have_text(lines)
    for job in ("chunker", "detector"):
        expect(shown.locator(f"#{job} .level")).to_have_text("Running")
