"""The detector as a process with the state backend `spark`, from the streaming source to detection files."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from local import processes
from local.sample_data import write_sample
from spark_jobs.chunker.cli import main as chunker
from spark_jobs.detector.backend import BackendStart, DriverBackend
from spark_jobs.explaining.cli import main as explain
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.kernel.pair_rows import all_pair_rows
from spark_jobs.lake import layout
from spark_jobs.lake.importance import read_importance
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.rules import RecordedAdoption, find_rules
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.built_in import built_in_rules, parse_thresholds
from spark_jobs.patterns.detect import Reported
from spark_jobs.patterns.rules import parse_rules
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.publishing.cli import main as rules
from spark_jobs.store.objects import Objects, open_objects
from spark_jobs.what_if.cli import main as what_if
from tests.harness.pipeline import THRESHOLDS, wait_until
from tests.integration.spark_state.conftest import NOW, rows_of, submit_arguments
from tests.unit.patterns.test_rules import pattern

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]

ROWS, CHUNK = 30_000, 1000
# A higher threshold than the detector begins with, a fourth pattern, and one in shadow.
_RULES = "".join(
    pattern(id=f'"PatId{number}"', action=f'"ACTION-{number}"', when=f'["transactions >= {least}"]', status=status)
    for number, least, status in ((2, 12, '"active"'), (4, 3, '"active"'), (5, 5, '"shadow"'))
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample data, and a lake where its chunks have landed."""
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, ROWS, seed=3)
    source, lake = (directory / "transactions.csv").as_uri(), (directory / "lake").as_uri()
    assert chunker(["--source", source, "--lake", lake, "--chunk-size", str(CHUNK), "--max-chunks", "60"]) == 0
    return directory


def contents(lake: Objects, writer: Writer) -> tuple[list[str], ...]:
    """Return detections and findings in shadow without their times, and the totals of all pairs."""
    tables = StateTables(lake, writer)
    detections = [(d.seq, d.line, *d.key, d.evidence, d.thresholds, d.rules_version) for d in tables.detections_from(0)]
    shadow = [{**row, "YStartTime": None, "detectionTime": None} for row in rows_of(lake, layout.SHADOW)]
    pairs = all_pair_rows(tables.load().pairs, 0).to_pylist()
    return list(map(str, detections)), sorted(map(str, shadow)), sorted(map(str, pairs))


def detect_on_driver(sample: Path, lake: Objects, from_line: int) -> None:
    """Find what the driver's backend finds in the same chunks, if version 1 of the rules is adopted at a line."""
    landing, tables = open_landing("csv", lake), StateTables(lake)
    importance = read_importance((sample / "CustomerImportance.csv").as_uri())
    in_force = Rules(built_in_rules(parse_thresholds(list(THRESHOLDS[1::2]))), every_chunk=False)
    start = BackendStart(Reported(), in_force, lambda: NOW, importance.weights)
    backend = DriverBackend(tables, tables.load().pairs, start)
    for first in range(0, ROWS, CHUNK):
        if first == from_line:
            adoption = Adoption(1, from_line, parse_rules(_RULES.encode(), "the rules"))
            published = find_rules(lake, 1)
            assert published
            backend.adopt(RecordedAdoption(1, from_line, published.digest), adoption)
        sums = sum_chunk(landing.read(first, first + CHUNK, CHUNK_COLUMNS), first + CHUNK)
        backend.commit([sums], {})


def test_a_killed_detector_continues_and_finds_what_the_driver_does(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules that are published while it runs included."""
    shutil.copytree(sample / "lake", tmp_path / "lake")
    log, url = tmp_path / "detector.log", (tmp_path / "lake").as_uri()
    command = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", url, *THRESHOLDS, "--state-backend", "spark"]
    command += ["--importance", (sample / "CustomerImportance.csv").as_uri(), "--max-chunks", "5"]
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": submit_arguments()}
    (tmp_path / "rules.toml").write_text(_RULES)

    killed = processes.start(command, log, environment)
    try:
        wait_until(lambda: committed(log) >= 15_000, [killed], seconds=600)
        assert rules(["publish", str(tmp_path / "rules.toml"), "--lake", url]) == 0
        wait_until(lambda: committed(log) > (adopted(log) or ROWS), [killed], seconds=600)
        killed.kill()
    finally:
        processes.kill_session(killed)
        killed.wait()
    assert committed(log) < ROWS
    resumed = processes.start([*command, "--available-now"], log, environment)
    try:
        assert resumed.wait(600) == 0, log.read_text()[-5000:]
    finally:
        processes.stop(resumed)

    lake, from_line = open_objects(url), adopted(log)
    shutil.copytree(sample / "lake", tmp_path / "driver")
    driver = open_objects((tmp_path / "driver").as_uri())
    # With its heartbeat, which has the thresholds of version 0.
    for name in (layout.rules_path(1), layout.HEARTBEAT):
        found = lake.find(name)
        assert found
        driver.write(name, found.data)
    detect_on_driver(sample, driver, from_line)
    assert contents(lake, Writer.SPARK) == contents(driver, Writer.DELTALAKE)
    detections = StateTables(lake, Writer.SPARK).detections_from(0)
    assert {d.rules_version for d in detections if d.pattern_id == "PatId2"} == {0, 1}
    assert {d.rules_version for d in detections if d.pattern_id == "PatId4"} == {1}
    assert rows_of(lake, layout.SHADOW)
    assert len(list(lake.list_after("detections", ""))) == len(detections) // 50 > 0

    for first in (0, from_line):
        arguments = ["--rules-text", _RULES.replace(">= 12", ">= 14"), "--from-line", str(first)]
        arguments += ["--importance", (sample / "CustomerImportance.csv").as_uri()]
        report = same_output(capsys, what_if, (lake, driver), *arguments)
        assert re.search(r"PatId2 +active +active +\d+ +0 +\d+ +0 +\d+", report)
    last = detections[-1]
    explained = same_output(capsys, explain, (lake, driver), "--merchant", last.merchant, "--customer", last.customer)
    assert f"reported at line {last.line} by version {last.rules_version} (seq {last.seq})" in explained


def same_output(
    capsys: pytest.CaptureFixture[str], command: Callable[[list[str]], int], lakes: Sequence[Objects], *arguments: str
) -> str:
    """Return what a command prints about each of some lakes, which must be the same except for their names."""
    capsys.readouterr()
    outputs = []
    for lake in lakes:
        assert command(["--lake", lake.url, *arguments]) == 0
        outputs.append(capsys.readouterr().out.replace(lake.url, "lake"))
    assert outputs == outputs[:1] * len(outputs)
    return outputs[0]


def adopted(log: Path) -> int:
    """Return the line from which version 1 of the rules is in force; 0 before it is adopted."""
    lines = re.findall(r'"rules adopted", "rules_version": 1, "from_line": (\d+)', log.read_text())
    return max(map(int, lines), default=0)


def committed(log: Path) -> int:
    lines = re.findall(r'"batch committed", "committed_line": (\d+)', log.read_text() if log.exists() else "")
    return max(map(int, lines), default=0)
