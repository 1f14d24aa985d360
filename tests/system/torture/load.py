"""Ten times the usual rate for an hour in fast motion, then a backlog of 5 million rows."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pyarrow.compute as pc
from deltalake import DeltaTable

from local.sample_data import write_sample
from tests.harness.warm import Ended
from tests.system.torture.job import JobRequest
from tests.system.torture.jobs import Jobs, job_processes
from tests.system.torture.survived import Survived
from tests.system.torture.watched import Watch, watched

CHAPTER = "load"
# The usual rate is 200 rows per second (docs/decisions/0008).
ROWS_PER_SECOND, SECONDS = 2_000, 3_600
BACKLOG = 5_000_000
CHUNK = 10_000
# Memory of the detector with its JVM and Python workers; shared pages count once per process.
MAX_MEGABYTES = 2_500
_STEP_SECONDS = 60
_SAMPLE_ROWS = 600_000
_SECONDS = 1200


@dataclass(frozen=True)
class _Lake:
    """A lake and its growing master file."""

    source: Path
    root: Path
    lines: Iterator[bytes]

    def append(self, rows: int) -> None:
        """Append rows to the master file."""
        with self.source.open("ab") as out:
            out.writelines(islice(self.lines, rows))

    def land(self, jobs: Jobs, rows: int) -> None:
        """Land `rows` rows in one run."""
        arguments = ["--source", self.source.as_uri(), "--lake", self.root.as_uri(), "--max-chunks", str(rows // CHUNK)]
        ended = jobs.run(JobRequest("chunker", arguments), _SECONDS)
        assert ended.code == 0, ended.log[-3000:]

    def detect(self, jobs: Jobs, until: int) -> tuple[Ended, Watch]:
        """Run the detector under Spark through line `until`."""
        request = JobRequest("detector", ["--lake", self.root.as_uri(), "--until-line", str(until)], spark=True)
        with watched(jobs.pid) as watch:
            return jobs.run(request, _SECONDS), watch


def load(directory: Path, seed: int) -> list[Survived]:
    """Append minute by minute while the detector follows, then the whole backlog at once."""
    write_sample(directory / "sample", _SAMPLE_ROWS, seed)
    header, *lines = (directory / "sample" / "transactions.csv").read_bytes().splitlines(keepends=True)
    lake = _Lake(directory / "transactions.csv", directory / "lake", cycle(lines))
    lake.source.write_bytes(header)
    hour = ROWS_PER_SECOND * SECONDS
    with job_processes({}) as jobs, job_processes({}) as detector_jobs, ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        following = pool.submit(lake.detect, detector_jobs, hour)
        for _ in range(SECONDS // _STEP_SECONDS):
            lake.append(ROWS_PER_SECOND * _STEP_SECONDS)
            lake.land(jobs, ROWS_PER_SECOND * _STEP_SECONDS)
        first = _line("ten times the usual rate, for an hour", lake, hour, following.result(), began)
        lake.append(BACKLOG)
        lake.land(jobs, BACKLOG)
        began = time.monotonic()
        drained = lake.detect(detector_jobs, hour + BACKLOG)
        return [first, _line("a backlog of 5 million rows", lake, hour + BACKLOG, drained, began)]


def _line(what: str, lake: _Lake, until: int, run: tuple[Ended, Watch], began: float) -> Survived:
    ended, watch = run
    assert ended.code == 0, ended.log[-3000:]
    entries = ended.commits
    committed = [entry["committed_line"] for entry in entries]
    peak = max(watch.megabytes)
    failures = []
    if committed != sorted(set(committed)) or committed[-1] != until:
        failures.append(f"load, {what}: committed out of order or incompletely: the last line is {committed[-1]}")
    if _transactions(lake.root) != until:
        failures.append(f"load, {what}: state/merchants counts {_transactions(lake.root)} transactions, not {until}")
    if peak > MAX_MEGABYTES:
        failures.append(f"load, {what}: the detector took {peak:.0f} MB, more than {MAX_MEGABYTES}")
    seconds = time.monotonic() - began
    chunks = sum(entry["chunks"] for entry in entries)
    note = f"{chunks * CHUNK / seconds:,.0f} rows per second, at most {peak:,.0f} MB, {len(entries)} batches"
    return Survived(CHAPTER, what, chunks, failures, note, seconds)


def _transactions(lake: Path) -> int:
    """Return the transactions of all merchants, from their newest rows."""
    rows = DeltaTable((lake / "state" / "merchants").as_uri()).to_pyarrow_table()
    newest = rows.group_by("merchant").aggregate([("transactions", "max")])
    return int(pc.sum(newest.column("transactions_max")).as_py())
