"""The tutorial's detection on the page."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from spark_jobs.store.objects import open_object
from tests.integration.docs.test_tutorial import made_by_the_script
from tests.system.browser.conftest import IMAGES, Visitor
from tests.unit.pattern_page.lake import PageLake

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_tutorials_detection_shows_both_comparisons(
    visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    lake = PageLake(visitor.page.lake.s3, "tutorial-page", chunk_size=1000, thresholds={})
    folder, name = open_object(lake.source)
    folder.write(name, made_by_the_script(tmp_path, monkeypatch))
    lake.land()
    lake.detect()
    lake.beat()
    visitor.page.show(lake.settings)
    try:
        shown = visitor.open_in_airflow()
        expect(shown.locator("#detections")).to_contain_text("Anna", timeout=60_000)
        shown.get_by_role("button", name="Evidence of detection").click()
        evidence = shown.locator("#detections .evidence")
        for text in ("transactions", "80", "mean amount", "₹12", "₹23", "49 more"):
            expect(evidence).to_contain_text(text)
        if request.config.getoption("screenshots"):
            expect(shown.locator("#problems")).to_be_empty(timeout=60_000)
            visitor.tab.screenshot(path=IMAGES / "tutorial-detection.png")
    finally:
        visitor.page.show(visitor.page.lake.settings)
