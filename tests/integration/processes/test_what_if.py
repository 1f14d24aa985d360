"""What-ifs as processes, on a real detector's lake."""

import json
import re
import subprocess
import sys

import pytest

from tests.harness.pipeline import ROOT, Pipeline
from tests.harness.rules_change import IN_FORCE
from tests.integration.processes.conftest import ROWS
from tests.integration.processes.test_replay import etags

pytestmark = pytest.mark.processes


def what_if(lake: Pipeline, rules: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "spark_jobs.what_if.cli", "--lake", lake.lake, "--rules-text", rules, *arguments]
    environment = {**lake.s3.environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("line", [pytest.param(0, marks=pytest.mark.slow), 20_000])
def test_the_rules_in_force_find_the_same(undisturbed: Pipeline, importance: str, line: int) -> None:
    before = etags(undisturbed)
    ended = what_if(undisturbed, IN_FORCE, "--importance", importance, "--from-line", str(line), "--format", "json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["notes"] == []
    found = [row for row in undisturbed.found() if int(str(row["line"])) > line]
    assert {one["pattern"]: one["same"] for one in report["patterns"]} == {
        name: sum(row["patternId"] == name for row in found) for name in ("PatId1", "PatId2", "PatId3")
    }
    assert all(one["conditions"] == one["conditions_before"] for one in report["patterns"])
    assert not any(one[name] for one in report["patterns"] for name in ("new", "gone", "earlier", "later"))
    assert etags(undisturbed) == before


@pytest.mark.slow
def test_other_rules_are_reported_with_evidence(undisturbed: Pipeline, importance: str) -> None:
    rules = IN_FORCE.replace("transactions >= 8", "transactions >= 12")
    ended = what_if(undisturbed, rules, "--importance", importance, "--last-hours", "24")
    assert ended.returncode == 0, ended.stderr
    assert f"lines 0 to {ROWS:,} (60 chunks)" in ended.stdout
    assert re.search(r"PatId1 .* active +\d+ +0 +0 +0 +0\n", ended.stdout)
    assert re.search(r"gone: M\d+ C\d+, found at line [\d,]+\n +transactions >= 12: \d+, threshold 12", ended.stdout)
    assert re.search(r"later: M\d+ C\d+ at line [\d,]+ instead of", ended.stdout)
