"""Cost of the detector: one chunk from landed to committed, catching up, and starting with a state of any size."""

import csv
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.kernel_cost import state_rows
from local import processes
from spark_jobs.chunker.cli import main as chunker
from spark_jobs.lake.layout import OFFSET
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.detect import Outcome
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.objects import open_objects

_CHUNK = 10_000
_TIMEOUT_SECONDS = 300
# Of a large state.
_MERCHANTS = 100


@dataclass(frozen=True)
class Commits:
    """Unix times of a detector's start and of the commit of each line."""

    started: float
    committed: dict[int, float]

    def to_first_commit(self) -> float:
        """Return the seconds from the start of the process to the first commit."""
        return min(self.committed.values()) - self.started


@dataclass(frozen=True)
class CatchUp:
    """Transactions per second from the first commit to the last, and seconds from start to first commit."""

    lake: str
    rate: float
    first_commit: float


def landed_to_committed(root: str, bucket: str, directory: Path, chunks: int) -> list[float]:
    """Land chunk after chunk next to a running detector; return the seconds from landed to committed, with polling."""
    lake = f"{root}/one-by-one"
    source = ["--source", f"s3://{bucket}/transactions.csv", "--lake", lake]
    landed: dict[int, float] = {}
    log = directory / f"one-by-one-{root.partition(':')[0]}.log"
    with _detector(lake, bucket, log):
        for number in range(1, chunks + 1):
            chunker(source)
            stored = open_objects(lake).find(OFFSET)
            assert stored
            row = list(csv.reader(stored.data.decode().splitlines()))[1]
            landed[int(row[0])] = datetime.fromisoformat(row[4]).timestamp()
            _await_commit(log, number * _CHUNK)
            # Stay out of step with the polls, four per second.
            time.sleep(0.5 + number * 0.0437 % 0.25)
    committed = read_log(log).committed
    return [committed[line] - at for line, at in landed.items() if line in committed]


def catch_up(
    root: str,
    bucket: str,
    directory: Path,
    max_chunks: int,
    file: str = "transactions.csv",
) -> CatchUp:
    """Land a whole file under `root`, then run a detector until it has caught up."""
    name = f"catch-up-{Path(file).stem}-{max_chunks}"
    lake, log = f"{root}/{name}", directory / f"{name}-{root.partition(':')[0]}.log"
    chunker(["--source", f"s3://{bucket}/{file}", "--lake", lake, "--max-chunks", "1000"])
    with _detector(lake, bucket, log, "--available-now", "--max-chunks", str(max_chunks)):
        _await_end(log)
    commits = read_log(log)
    lines, times = zip(*sorted(commits.committed.items()), strict=True)
    rate = (lines[-1] - lines[0]) / (times[-1] - times[0]) if len(lines) > 1 else math.nan
    return CatchUp(lake, rate, commits.to_first_commit())


def restart(bucket: str, directory: Path, pairs: int) -> float:
    """Return the seconds from start to first commit with a state of `pairs` pairs."""
    lake = f"s3://{bucket}/restart-{pairs}"
    source = f"s3://{bucket}/transactions.csv"
    chunker(["--source", source, "--lake", lake])
    if pairs:
        _write_state(lake, pairs)
    chunker(["--source", source, "--lake", lake])
    with _detector(lake, bucket, directory / f"restart-{pairs}.log", "--available-now") as log:
        _await_end(log)
    return read_log(log).to_first_commit()


def read_log(log: Path) -> Commits:
    """Parse a detector's log of JSON lines, skipping Spark's own messages."""
    committed: dict[int, float] = {}
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry["event"] == "batch committed":
                committed[entry["committed_line"]] = datetime.fromisoformat(entry["time"]).timestamp()
    return Commits(float(log.with_suffix(".started").read_text()), committed)


def quantile(seconds: list[float], percent: int) -> float:
    """Return a percentile."""
    return float(np.percentile(seconds, percent)) if percent != 50 else statistics.median(seconds)


def _write_state(lake: str, pairs: int) -> None:
    """Write a compacted state of `pairs` pairs as of the end of the first chunk."""
    rows = state_rows(pairs, _MERCHANTS, np.random.default_rng(7)).sort_by("merchant")
    StateTables(open_objects(lake)).commit(Outcome(_CHUNK, [], MERCHANTS_SCHEMA.empty_table(), rows), {})


@contextmanager
def _detector(lake: str, bucket: str, log: Path, *arguments: str) -> Iterator[Path]:
    log.with_suffix(".started").write_text(str(time.time()))
    importance = f"s3://{bucket}/CustomerImportance.csv"
    command = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", lake, "--importance", importance]
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}
    process = processes.start([*command, *arguments], log, environment)
    try:
        yield log
    finally:
        processes.stop(process)


def _await_commit(log: Path, line: int) -> None:
    _await(lambda: any(done >= line for done in read_log(log).committed), log)


def _await_end(log: Path) -> None:
    _await(lambda: '"detector stopped"' in log.read_text(), log)


def _await(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            msg = f"the detector did not get there in {_TIMEOUT_SECONDS} s; see {log}"
            raise TimeoutError(msg)
        time.sleep(0.05)
