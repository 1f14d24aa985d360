"""Pictures of the tutorial's change of the rules, on a stack of their own, as its data has to be the tutorial's."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from local.bucket import BUCKET, SOURCE_KEY
from local.lake_view import LakeView
from local.stack import Layout, running_s3, running_stack
from tests.harness.pipeline import wait_until
from tests.integration.docs.pages import block_of
from tests.integration.docs.test_tutorial import TUTORIAL, made_by_the_script
from tests.system.browser.changing_rules import fill_in_form, logged_in, trigger
from tests.system.browser.conftest import IMAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What 20 lines a second make in two minutes.
_ROWS = 2400
_SCROLL_TO_THE_CHANGE = """
box => {
  const before = box.value.slice(0, box.value.indexOf('id = "PatId2"')).split("\\n").length - 1;
  const style = getComputedStyle(box);
  box.scrollTop = parseFloat(style.paddingTop) + before * parseFloat(style.lineHeight);
}
"""


def test_screenshots_of_the_form_and_of_the_request_for_approval(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Write them if `--screenshots` is given; tests/system/faults proves that they work."""
    if not request.config.getoption("screenshots"):
        pytest.skip("needs --screenshots")
    lines = made_by_the_script(tmp_path, monkeypatch).splitlines(keepends=True)[: 1 + _ROWS]
    layout = Layout(tmp_path / "stack", chunk_size=1000)
    with running_s3(layout) as s3:
        s3.client().put_object(Bucket=BUCKET, Key=SOURCE_KEY, Body=b"".join(lines))
        with running_stack(layout, s3) as stack, logged_in(browser, stack.airflow) as tab:
            wait_until(lambda: LakeView(s3).status(_ROWS, 1.0).committed_line == _ROWS, between=1)
            form = fill_in_form(tab, stack.airflow, block_of(TUTORIAL, "toml"), "Ten ice creams are enough")
            form.locator("[name=element_rules]").evaluate(_SCROLL_TO_THE_CHANGE)
            form.get_by_role("button", name="Trigger", exact=True).hover()
            tab.screenshot(path=IMAGES / "tutorial-change-rules.png")
            trigger(tab, form)
            expect(tab.locator("code").filter(has_text="+ transactions >= 10")).to_be_visible()
            tab.screenshot(path=IMAGES / "tutorial-approve.png")
