"""A day of 17,280 chunks in fast motion and three shorter days: time, memory and files must not grow."""

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from deltalake import DeltaTable

from local.s3 import LocalS3, local_s3
from tests.harness.pipeline import wait_until
from tests.harness.warm import Ended
from tests.system.torture.job import JobRequest
from tests.system.torture.jobs import Jobs, job_processes
from tests.system.torture.survived import Survived
from tests.system.torture.watched import Watch, ratio, watched

CHAPTER = "soak"
CHUNKS, CHUNK = 17_280, 10
# Shorter days that follow: the files left after the maintenance of each are limited.
DAYS_AFTER, CHUNKS_AFTER = 3, 500
MAX_GROWTH = 1.1
# Chunks per run of the chunker. The next run starts while the detector works on the last ones.
_AT_A_TIME = 20
# After this many runs, one lands in an empty lake: its time shows how fast the machine is at the moment.
_RUNS_PER_YARDSTICK = 8
# Few enough that all pairs occur in the first tenth of the day; the state does not grow after it.
_CUSTOMERS, _MERCHANTS = 150, 8
# On a busy machine the detector's day takes half an hour.
_SECONDS = 3600
# The detector merges data files every 50 appends.
_MAX_FILES = 60
# Maintenance leaves a log checkpoint, its entry and the pointer to it.
_MAX_LOG_OBJECTS = 5
# Not a local directory: only S3 can list from a name on (docs/decisions/0012).
_BUCKET = "soak"
_LAKE = f"s3://{_BUCKET}/lake"
_TABLES = ("pairs", "merchants", "detections")
# The tables keep log entries and replaced files for a day, which in fast motion is over.
_KEEP_NOTHING = {
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
}


def soak(directory: Path, seed: int, chunks: int = CHUNKS, chunks_after: int = CHUNKS_AFTER) -> list[Survived]:
    """Run a day and its maintenance, compare its last tenth with an earlier one, then run the days after it."""
    source = directory / "transactions.csv"
    _write(source, (chunks + DAYS_AFTER * chunks_after) * CHUNK, seed)
    with (
        local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3,
        job_processes(s3.environment) as chunkers,
        job_processes(s3.environment) as detectors,
    ):
        lake, stack = _Lake(s3), _Stack(chunkers, detectors, source)
        chunker, detector = stack.run_day(0, chunks)
        landed = lake.chunks()
        files = max(len(table.file_uris()) for table in lake.tables())
        entries = lake.objects()
        for table in lake.tables():
            table.alter.set_table_properties(_KEEP_NOTHING)
        maintenance = stack.maintain()
        left = lake.chunks()
        began, objects = time.monotonic(), [lake.objects()]
        for day in range(DAYS_AFTER):
            stack.run_day(chunks + day * chunks_after, chunks_after)
            stack.maintain()
            objects.append(lake.objects())
    return [
        _line("chunker", chunks, chunker, landed == chunks, f"{landed:,} chunks"),
        _line("detector", chunks, detector, files <= _MAX_FILES, f"at most {files} files a table"),
        _line("maintenance", 1, maintenance, left <= 1, f"{left} chunks left"),
        _days(entries, objects, time.monotonic() - began),
    ]


@dataclass(frozen=True)
class _Run:
    """Measurements of a job: its resources, seconds of each step, of the yardstick at intervals, and in total."""

    watch: Watch
    steps: list[float]
    yardstick: list[float]
    seconds: float


@dataclass(frozen=True)
class _Stack:
    """A chunker and a detector side by side on a master file."""

    chunkers: Jobs
    detectors: Jobs
    source: Path

    def run_day(self, before: int, chunks: int) -> tuple[_Run, _Run]:
        """Land and commit `chunks` chunks after the first `before` ones, the detector close behind the chunker.

        A step is a run of the chunker or a commit of the detector. The yardstick is a run of the chunker into an empty
        lake.
        """
        until = before + chunks
        request = JobRequest("detector", ["--lake", _LAKE, "--until-line", str(until * CHUNK), "--max-chunks", "1"])
        began, landing, yardstick = time.monotonic(), [], []
        with ThreadPoolExecutor(1) as pool, watched(self.chunkers.pid) as watch, watched(self.detectors.pid) as other:
            detecting = pool.submit(self.detectors.run, request, _SECONDS)
            for landed in range(before, until, _AT_A_TIME):
                landing.append(self._land(_LAKE, min(_AT_A_TIME, until - landed)))
                if landed // _AT_A_TIME % _RUNS_PER_YARDSTICK == 0:
                    yardstick.append(self._land(f"s3://{_BUCKET}/empty-{landed}", _AT_A_TIME))
                self._await_commit(landed, detecting)
            ended = detecting.result()
        assert ended.code == 0, ended.log[-3000:]
        seconds = time.monotonic() - began
        commits = _between_commits(ended)
        return _Run(watch, landing, yardstick, sum(landing)), _Run(other, commits, yardstick, seconds)

    def maintain(self) -> _Run:
        """Run maintenance without a retention period."""
        began = time.monotonic()
        with watched(self.chunkers.pid) as watch:
            ended = self.chunkers.run(JobRequest("maintain_state", ["--lake", _LAKE, "--keep-days", "0"]), _SECONDS)
        assert ended.code == 0, ended.log[-3000:]
        return _Run(watch, [], [], time.monotonic() - began)

    def _land(self, lake: str, chunks: int) -> float:
        sizes = ["--chunk-size", str(CHUNK), "--max-chunks", str(chunks)]
        began = time.monotonic()
        ended = self.chunkers.run(JobRequest("chunker", ["--source", self.source.as_uri(), "--lake", lake, *sizes]))
        assert ended.code == 0, ended.log[-3000:]
        return time.monotonic() - began

    def _await_commit(self, chunks: int, detecting: "Future[Ended]") -> None:
        wait_until(lambda: self._committed() >= chunks or detecting.done())

    def _committed(self) -> int:
        """Return the number of committed chunks, from the end of the detector's log; 0 if it is not there."""
        lines = re.findall(r'"committed_line": (\d+)', self.detectors.tail())
        return int(lines[-1]) // CHUNK if lines else 0


def _between_commits(detector: Ended) -> list[float]:
    times = [datetime.fromisoformat(entry["time"]).timestamp() for entry in detector.commits]
    return [b - a for a, b in pairwise(times)]


@dataclass(frozen=True)
class _Objects:
    """Objects of the largest Delta log, and data files of the table with the most of them."""

    log: int
    data: int


@dataclass(frozen=True)
class _Lake:
    """Counts of the objects of the lake."""

    s3: LocalS3

    def tables(self) -> list[DeltaTable]:
        """Open the newest version of the state's tables."""
        options = self.s3.environment | {"AWS_ALLOW_HTTP": "true"}
        return [DeltaTable(f"{_LAKE}/state/{table}", storage_options=options) for table in _TABLES]

    def chunks(self) -> int:
        """Count the chunks in the landing zone."""
        return len(self._keys("landing_zone/"))

    def objects(self) -> _Objects:
        """Count the objects of the state's tables."""
        tables = [self._keys(f"state/{table}/") for table in _TABLES]
        logs = [sum("/_delta_log/" in key for key in keys) for keys in tables]
        return _Objects(max(logs), max(len(keys) - log for keys, log in zip(tables, logs, strict=True)))

    def _keys(self, prefix: str) -> list[str]:
        pages = self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=f"lake/{prefix}")
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def _days(entries: _Objects, objects: list[_Objects], seconds: float) -> Survived:
    """Check the objects left after the maintenance of each day."""
    failures = [
        f"soak, day {day}: {found.log} objects of a Delta log and {found.data} data files are left after maintenance"
        for day, found in enumerate(objects)
        if found.log > _MAX_LOG_OBJECTS or found.data > _MAX_FILES
    ]
    log, data = ([getattr(found, name) for found in objects] for name in ("log", "data"))
    note = f"objects of a Delta log {entries.log:,}, after maintenance {log}; data files {entries.data:,}, then {data}"
    return Survived(CHAPTER, "objects left after each day", len(objects), failures, note, seconds)


def _line(what: str, tried: int, run: _Run, kept_small: bool, left: str) -> Survived:
    memory, open_files = run.watch.growth
    elapsed, yardstick = ratio(run.steps), ratio(run.yardstick)
    growths = {"time": elapsed / yardstick, "memory": memory, "open files": open_files}
    failures = [
        f"soak, {what}: {name} of the last tenth is {growth:.2f} times that of an earlier tenth"
        for name, growth in growths.items()
        # Maintenance is one short run, without steps.
        if run.steps and growth > MAX_GROWTH
    ]
    if not kept_small:
        failures.append(f"soak, {what}: {left}")
    note = left
    if run.steps:
        summary = ", ".join(f"{name} to {growth:.2f}" for name, growth in growths.items())
        note = f"{summary}, {left}; elapsed time {elapsed:.2f}, yardstick {yardstick:.2f}"
    return Survived(CHAPTER, f"{what}: a day's chunks", tried, failures, note, run.seconds)


def _write(path: Path, lines: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    customer, merchant = random.integers(0, _CUSTOMERS, lines), random.integers(0, _MERCHANTS, lines)
    paise = random.integers(100, 5000, lines)
    with path.open("w") as out:
        out.write("step,customer,gender,merchant,category,amount\n")
        for n, (c, m, p) in enumerate(zip(customer.tolist(), merchant.tolist(), paise.tolist(), strict=True)):
            out.write(f"{n},C{c},{'FM'[c % 2]},M{m},food,{p / 100:.2f}\n")
