"""The tutorial's script creates the file, and the detection is the one its text explains."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.s3 import LocalS3
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.detections import Detection
from spark_jobs.store.objects import open_objects
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


def detected(s3: LocalS3, name: str, data: bytes, child_transactions: float) -> list[Detection]:
    lake = PageLake(s3, name, chunk_size=1000, thresholds={"child_transactions": child_transactions})
    open_objects("s3://transactions").write(f"{name}.csv", data)
    lake.land()
    lake.detect()
    return StateTables(lake.objects).detections_from(0)


@pytest.mark.parametrize(("child_transactions", "line"), [(80, 16_000), (90, 18_000)])
def test_the_detection_is_the_one_explained(
    s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child_transactions: float, line: int
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    data = made_by_the_script(tmp_path, monkeypatch)
    [detection] = detected(s3, f"tutorial-{line}", data, child_transactions)
    assert (detection.pattern_id, detection.customer, detection.merchant) == ("PatId2", "Anna", "Ice-Palace")
    assert detection.line == line
    assert detection.evidence["mean_amount < 23"] == 12
    assert detection.evidence[f"transactions >= {child_transactions}"] == child_transactions
    text = " ".join((ROOT / "docs" / TUTORIAL).read_text().split())
    assert f"`line` {line:,}" in text
