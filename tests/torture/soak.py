"""A day of 17,280 chunks in fast motion, landed, detected and maintained, and days after it: only what must grows."""

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
from tests.torture.job import JobRequest
from tests.torture.jobs import Jobs, job_processes
from tests.torture.survived import Survived
from tests.torture.watched import Watch, ratio, watched

CHAPTER = "soak"
CHUNKS, CHUNK = 17_280, 10
# Days that follow, shorter: what is left of each after its maintenance is compared with the first.
DAYS_AFTER, CHUNKS_AFTER = 3, 500
MOST_GROWTH = 1.1
# Of these a run of the chunker lands, as soon as the detector has committed those before the last ones.
_AT_A_TIME = 20
# After so many of its runs one lands in an empty lake: what that takes says how fast the machine is just then.
_RUNS_A_YARDSTICK = 8
# All pairs are there after a tenth of the day, so the state is as large at its end as then.
_CUSTOMERS, _MERCHANTS = 150, 8
# A machine that others keep busy needs half an hour for the detector's day.
_SECONDS = 3600
# The detector merges every 50 appends; so many data files may a table refer to.
_MOST_FILES = 60
# Of a table's log maintenance leaves a checkpoint, the entry under it, and the pointer to it.
_MOST_LOG_OBJECTS = 5
# A local S3, for it lists from a name on; a local directory is listed whole (docs/decisions/0012).
_BUCKET = "soak"
_LAKE = f"s3://{_BUCKET}/lake"
_TABLES = ("pairs", "merchants", "detections")
# A day's log entries and replaced files are kept for a day, by the table's own settings; in fast motion it is over.
_KEEP_NOTHING = {
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
}


def soak(directory: Path, seed: int, chunks: int = CHUNKS, chunks_after: int = CHUNKS_AFTER) -> list[Survived]:
    """Let a day go, maintain it, and measure its last tenth against an earlier one; then days after."""
    source = directory / "transactions.csv"
    _write(source, (chunks + DAYS_AFTER * chunks_after) * CHUNK, seed)
    with (
        local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3,
        job_processes(s3.environment) as chunkers,
        job_processes(s3.environment) as detectors,
    ):
        lake, stack = _Lake(s3), _Stack(chunkers, detectors, source)
        chunker, detector = stack.live(0, chunks)
        landed = lake.chunks()
        files = max(len(table.file_uris()) for table in lake.tables())
        entries = lake.objects()
        for table in lake.tables():
            table.alter.set_table_properties(_KEEP_NOTHING)
        maintenance = stack.maintain()
        left = lake.chunks()
        began, objects = time.monotonic(), [lake.objects()]
        for day in range(DAYS_AFTER):
            stack.live(chunks + day * chunks_after, chunks_after)
            stack.maintain()
            objects.append(lake.objects())
    return [
        _line("chunker", chunks, chunker, landed == chunks, f"{landed:,} chunks"),
        _line("detector", chunks, detector, files <= _MOST_FILES, f"at most {files} files a table"),
        _line("maintenance", 1, maintenance, left <= 1, f"{left} chunks left"),
        _days(entries, objects, time.monotonic() - began),
    ]


@dataclass(frozen=True)
class _Run:
    """What was seen of a job: looks at it, seconds of each step in order, of the same work now and then, of all."""

    watch: Watch
    steps: list[float]
    yardstick: list[float]
    seconds: float


@dataclass(frozen=True)
class _Stack:
    """What runs a chunker beside a detector, on a file."""

    chunkers: Jobs
    detectors: Jobs
    source: Path

    def live(self, before: int, chunks: int) -> tuple[_Run, _Run]:
        """Let so many chunks come after those before; the detector is never far behind, and never waits.

        A step is a run of the chunker, or a commit of the detector. The yardstick is a run of the chunker that lands in
        an empty lake beside them.
        """
        until = before + chunks
        request = JobRequest("detector", ["--lake", _LAKE, "--until-line", str(until * CHUNK), "--max-chunks", "1"])
        began, landing, yardstick = time.monotonic(), [], []
        with ThreadPoolExecutor(1) as pool, watched(self.chunkers.pid) as watch, watched(self.detectors.pid) as other:
            detecting = pool.submit(self.detectors.run, request, _SECONDS)
            for landed in range(before, until, _AT_A_TIME):
                landing.append(self._land(_LAKE, min(_AT_A_TIME, until - landed)))
                if landed // _AT_A_TIME % _RUNS_A_YARDSTICK == 0:
                    yardstick.append(self._land(f"s3://{_BUCKET}/empty-{landed}", _AT_A_TIME))
                self._await_commit(landed, detecting)
            ended = detecting.result()
        assert ended.code == 0, ended.log[-3000:]
        seconds = time.monotonic() - began
        commits = _between_commits(ended)
        return _Run(watch, landing, yardstick, sum(landing)), _Run(other, commits, yardstick, seconds)

    def maintain(self) -> _Run:
        """Run the maintenance."""
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
        """Return how many chunks the detector has said to have committed, as far as it said so lately."""
        lines = re.findall(r'"committed_line": (\d+)', self.detectors.tail())
        return int(lines[-1]) // CHUNK if lines else 0


def _between_commits(detector: Ended) -> list[float]:
    times = [datetime.fromisoformat(entry["time"]).timestamp() for entry in detector.commits]
    return [b - a for a, b in pairwise(times)]


@dataclass(frozen=True)
class _Objects:
    """What lies under the state's tables: objects of the largest log, data files of the table that has most."""

    log: int
    data: int


@dataclass(frozen=True)
class _Lake:
    """What can be seen of the lake from outside."""

    s3: LocalS3

    def tables(self) -> list[DeltaTable]:
        """Return the state's tables as they are now."""
        options = self.s3.environment | {"AWS_ALLOW_HTTP": "true"}
        return [DeltaTable(f"{_LAKE}/state/{table}", storage_options=options) for table in _TABLES]

    def chunks(self) -> int:
        """Return how many chunks are there."""
        return len(self._keys("landing_zone/"))

    def objects(self) -> _Objects:
        """Count what lies under the state's tables."""
        tables = [self._keys(f"state/{table}/") for table in _TABLES]
        logs = [sum("/_delta_log/" in key for key in keys) for keys in tables]
        return _Objects(max(logs), max(len(keys) - log for keys, log in zip(tables, logs, strict=True)))

    def _keys(self, prefix: str) -> list[str]:
        pages = self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=f"lake/{prefix}")
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def _days(entries: _Objects, objects: list[_Objects], seconds: float) -> Survived:
    """Judge what the maintenance of each day has left."""
    failures = [
        f"soak, day {day}: {found.log} objects of a Delta log and {found.data} data files are left after maintenance"
        for day, found in enumerate(objects)
        if found.log > _MOST_LOG_OBJECTS or found.data > _MOST_FILES
    ]
    log, data = ([getattr(found, name) for found in objects] for name in ("log", "data"))
    note = f"objects of a Delta log {entries.log:,}, maintained {log}; data files {entries.data:,}, maintained {data}"
    return Survived(CHAPTER, "what is left, day after day", len(objects), failures, note, seconds)


def _line(what: str, tried: int, run: _Run, kept_small: bool, left: str) -> Survived:
    memory, open_files = run.watch.growth
    by_the_clock, meanwhile = ratio(run.steps), ratio(run.yardstick)
    grown = {"time": by_the_clock / meanwhile, "memory": memory, "open files": open_files}
    failures = [
        f"soak, {what}: {name} of the last tenth is {growth:.2f} times what it was before"
        for name, growth in grown.items()
        # Maintenance is one short run: it has no tenths.
        if run.steps and growth > MOST_GROWTH
    ]
    if not kept_small:
        failures.append(f"soak, {what}: {left}")
    note = left
    if run.steps:
        told = ", ".join(f"{name} to {growth:.2f}" for name, growth in grown.items())
        note = f"{told}, {left}; by the clock {by_the_clock:.2f}, an empty lake meanwhile {meanwhile:.2f}"
    return Survived(CHAPTER, f"{what}: a day's chunks", tried, failures, note, run.seconds)


def _write(path: Path, lines: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    customer, merchant = random.integers(0, _CUSTOMERS, lines), random.integers(0, _MERCHANTS, lines)
    paise = random.integers(100, 5000, lines)
    with path.open("w") as out:
        out.write("step,customer,gender,merchant,category,amount\n")
        for n, (c, m, p) in enumerate(zip(customer.tolist(), merchant.tolist(), paise.tolist(), strict=True)):
            out.write(f"{n},C{c},{'FM'[c % 2]},M{m},food,{p / 100:.2f}\n")
