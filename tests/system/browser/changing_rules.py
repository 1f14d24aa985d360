"""A person at the form of `change_rules` in Airflow, and at its request for approval."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from local.airflow import LocalAirflow
from tests.system.browser.frame import await_scripts, page_frame

# Of a run's first three tasks on a busy machine, in milliseconds.
_PATIENCE = 240_000


@contextmanager
def logged_in(browser: Browser, airflow: LocalAirflow) -> Iterator[Page]:
    """Yield a tab of a user who is logged in to Airflow."""
    with browser.new_context(viewport={"width": 1360, "height": 1060}) as context:
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": "_token", "value": airflow.token(), "url": airflow.url}])
        yield context.new_page()


def open_rules(tab: Page, airflow: LocalAirflow) -> FrameLocator:
    """Open the tab Rules of the page."""
    tab.goto(f"{airflow.url}/plugin/pattern-detection")
    shown = page_frame(tab)
    await_scripts(shown)
    shown.get_by_role("tab", name="Rules").click()
    return shown


def fill_in_form(tab: Page, airflow: LocalAirflow, rules: str, comment: str) -> Locator:
    """Follow the link on the page to the DAG, and fill in its form; return the form."""
    open_rules(tab, airflow).get_by_role("link", name="Change the rules").click()
    tab.wait_for_url("**/dags/change_rules")
    tab.get_by_role("button", name="Trigger Dag").click()
    form = tab.get_by_role("dialog")
    # Airflow's labels do not name the fields that they belong to.
    for name, value in {"rules": rules, "comment": comment, "last_hours": "1"}.items():
        form.locator(f"[name=element_{name}]").fill(value)
    return form


def trigger(tab: Page, form: Locator) -> None:
    """Send the form, and open the request for approval as soon as there is one."""
    form.get_by_role("button", name="Trigger", exact=True).click()
    tab.wait_for_url("**/dags/change_rules/runs/*")
    row = tab.get_by_role("row").filter(has=tab.get_by_role("link", name="approve", exact=True))
    expect(row).to_contain_text("Awaiting Input", timeout=_PATIENCE)
    row.get_by_role("link", name="approve", exact=True).click()
    tab.get_by_role("link", name="Required Action").click()
    expect(tab.get_by_role("button", name="Approve", exact=True)).to_be_visible()
