"""The detector as a process with the state backend `spark`, from the streaming source to detection files."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from local import processes
from local.sample_data import write_sample
from spark_jobs.chunker.cli import main as chunker
from spark_jobs.detector.backend import BackendStart, DriverBackend
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.kernel.pair_rows import all_pair_rows
from spark_jobs.lake.importance import read_importance
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.built_in import built_in_rules, parse_thresholds
from spark_jobs.patterns.detect import Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import Objects, open_objects
from tests.harness.pipeline import THRESHOLDS, wait_until
from tests.integration.spark_state.conftest import NOW, submit_arguments

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]

ROWS, CHUNK = 30_000, 1000


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample data, and a lake where its chunks have landed."""
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, ROWS, seed=3)
    source, lake = (directory / "transactions.csv").as_uri(), (directory / "lake").as_uri()
    assert chunker(["--source", source, "--lake", lake, "--chunk-size", str(CHUNK), "--max-chunks", "60"]) == 0
    return directory


def found_and_totals(lake: Objects, writer: Writer) -> tuple[list[str], list[str]]:
    """Return detections without their times, and the totals of all pairs."""
    tables = StateTables(lake, writer)
    detections = [(d.seq, d.line, *d.key, d.evidence, d.thresholds) for d in tables.detections_from(0)]
    return list(map(str, detections)), sorted(map(str, all_pair_rows(tables.load().pairs, 0).to_pylist()))


def expected(sample: Path) -> tuple[list[str], list[str]]:
    """Return what the driver's backend finds in the same chunks."""
    lake = open_objects((sample / "driver").as_uri())
    landing, tables = open_landing("csv", open_objects((sample / "lake").as_uri())), StateTables(lake)
    importance = read_importance((sample / "CustomerImportance.csv").as_uri())
    rules = Rules(built_in_rules(parse_thresholds(list(THRESHOLDS[1::2]))), every_chunk=False)
    start = BackendStart(Reported(), rules, lambda: NOW, importance.weights)
    backend = DriverBackend(tables, tables.load().pairs, start)
    for first in range(0, ROWS, CHUNK):
        sums = sum_chunk(landing.read(first, first + CHUNK, CHUNK_COLUMNS), first + CHUNK)
        backend.commit([sums], {})
    return found_and_totals(lake, Writer.DELTALAKE)


def test_a_killed_detector_continues_and_finds_what_the_driver_does(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample / "lake", tmp_path / "lake")
    log, url = tmp_path / "detector.log", (tmp_path / "lake").as_uri()
    command = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", url, *THRESHOLDS, "--state-backend", "spark"]
    command += ["--importance", (sample / "CustomerImportance.csv").as_uri(), "--max-chunks", "5"]
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": submit_arguments()}

    killed = processes.start(command, log, environment)
    try:
        wait_until(lambda: committed(log) >= 10_000, [killed], seconds=600)
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
    lake = open_objects(url)
    detections, totals = found_and_totals(lake, Writer.SPARK)
    assert (detections, totals) == expected(sample)
    assert len(list(lake.list_after("detections", ""))) == len(detections) // 50 > 0


def committed(log: Path) -> int:
    lines = re.findall(r'"batch committed", "committed_line": (\d+)', log.read_text() if log.exists() else "")
    return max(map(int, lines), default=0)
