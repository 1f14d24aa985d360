"""The tutorial's script creates the file, and the detection is the one its text explains."""

import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.s3 import LocalS3
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.rules import parse_rules
from spark_jobs.store.objects import open_objects
from spark_jobs.what_if.request import Asked
from spark_jobs.what_if.run import WhatIfSettings, run
from tests.harness.pipeline import ROOT
from tests.integration.docs.pages import block_of
from tests.unit.pattern_page.lake import PageLake

TUTORIAL = "tutorial/first-detection.md"


def made_by_the_script(directory: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.chdir(directory)
    exec(block_of(TUTORIAL, "python"), {})
    return (directory / "my.csv").read_bytes()


def test_the_script_passes_make_check_in_a_checkout() -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check"], ["format", "--check"]):
        subprocess.run(
            [ruff, *command, "--stdin-filename", "ice_cream.py", "-"],
            cwd=ROOT,
            input=block_of(TUTORIAL, "python").encode(),
            check=True,
        )


def detected(s3: LocalS3, name: str, data: bytes) -> list[Detection]:
    lake = PageLake(s3, name, chunk_size=1000, thresholds={})
    open_objects("s3://transactions").write(f"{name}.csv", data)
    lake.land()
    lake.detect()
    return StateTables(lake.objects).detections_from(0)


def test_the_detection_is_the_one_explained(s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    [detection] = detected(s3, "tutorial", made_by_the_script(tmp_path, monkeypatch))
    assert (detection.pattern_id, detection.customer, detection.merchant) == ("PatId2", "Anna", "Ice-Palace")
    assert detection.line == 16_000
    assert detection.evidence == {"transactions >= 80": 80, "mean_amount < 23": 12}
    text = " ".join((ROOT / "docs" / TUTORIAL).read_text().split())
    assert f"`line` {detection.line:,}" in text


def test_after_two_minutes_the_what_if_of_the_changed_rules_finds_her(
    s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    # The header, and what 20 lines a second make in two minutes.
    lines = made_by_the_script(tmp_path, monkeypatch).splitlines(keepends=True)[: 1 + 20 * 120]
    assert detected(s3, "tutorial-changed", b"".join(lines)) == []
    rules = block_of(TUTORIAL, "toml")
    assert parse_rules(rules.replace(">= 10", ">= 80").encode(), "the tutorial") == BUILT_IN
    asked = Asked(last_hours=24)
    settings = WhatIfSettings("s3://transactions/tutorial-changed", "csv", None, asked, rules, "the tutorial", None)
    report = run(settings, lambda: datetime.now(UTC), logging.getLogger("what_if"))
    [found] = [example for pattern in report.patterns for example in pattern.examples]
    assert (found.difference, found.merchant, found.customer) == ("new", "Ice-Palace", "Anna")
    assert found.evidence[0].condition == "transactions >= 10"
