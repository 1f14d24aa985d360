"""A day of 17,280 chunks in fast motion, landed, detected and maintained, and days after it: only what must grows."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from deltalake import DeltaTable

from tests.torture.job_process import JobRequest
from tests.torture.jobs import Jobs, job_processes
from tests.torture.survived import Survived
from tests.torture.watched import Watch, ratio, watched

CHAPTER = "soak"
CHUNKS, CHUNK = 17_280, 10
# Days that follow, a tenth as long: what is left of each after its maintenance is compared with the first.
DAYS_AFTER, CHUNKS_AFTER = 3, 1_728
MOST_GROWTH = 1.1
# All pairs are there after a tenth of the day, so the state is as large at its end as then.
_CUSTOMERS, _MERCHANTS = 150, 8
# A machine that others keep busy needs half an hour for the detector's day.
_SECONDS = 3600
# The detector merges every 50 appends; so many data files may a table refer to.
_MOST_FILES = 60
# Of a table's log maintenance leaves a checkpoint, the entry under it, and the pointer to it.
_MOST_LOG_OBJECTS = 5
_TABLES = ("pairs", "merchants", "detections")
# A day's log entries and replaced files are kept for a day, by the table's own settings; in fast motion it is over.
_KEEP_NOTHING = {
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
}


def soak(directory: Path, seed: int, chunks: int = CHUNKS, chunks_after: int = CHUNKS_AFTER) -> list[Survived]:
    """Land a day, detect it, maintain it, and measure its last tenth against an earlier one; then days after."""
    source, lake = directory / "transactions.csv", directory / "lake"
    _write(source, (chunks + DAYS_AFTER * chunks_after) * CHUNK, seed)
    with job_processes({}) as jobs:
        chunker = _land(jobs, source, lake, chunks)
        landed = [path.stat().st_mtime for path in sorted((lake / "landing_zone").iterdir())]
        detector = _detect(jobs, lake, chunks)
        files = max(len(DeltaTable(table).file_uris()) for table in _tables(lake))
        entries = _objects(lake)
        for table in _tables(lake):
            DeltaTable(table).alter.set_table_properties(_KEEP_NOTHING)
        maintenance = _maintain(jobs, lake)
        left = len(list((lake / "landing_zone").iterdir()))
        began, objects = time.monotonic(), [_objects(lake)]
        for day in range(1, DAYS_AFTER + 1):
            _land(jobs, source, lake, chunks_after)
            _detect(jobs, lake, chunks + day * chunks_after)
            _maintain(jobs, lake)
            objects.append(_objects(lake))
    return [
        _line("chunker", chunks, chunker, landed, len(landed) == chunks, f"{len(landed):,} files"),
        _line(
            "detector",
            chunks,
            detector,
            _commit_times(detector[2]),
            files <= _MOST_FILES,
            f"at most {files} files a table",
        ),
        _line("maintenance", 1, maintenance, [], left <= 1, f"{left} chunks left"),
        _days(entries, objects, time.monotonic() - began),
    ]


def _land(jobs: Jobs, source: Path, lake: Path, chunks: int) -> "_Run":
    sizes = ["--chunk-size", str(CHUNK), "--max-chunks", str(chunks)]
    return _run(jobs, JobRequest("chunker", ["--source", source.as_uri(), "--lake", lake.as_uri(), *sizes]))


def _detect(jobs: Jobs, lake: Path, chunks: int) -> "_Run":
    return _run(
        jobs,
        JobRequest("detector", ["--lake", lake.as_uri(), "--until-line", str(chunks * CHUNK), "--max-chunks", "1"]),
    )


def _maintain(jobs: Jobs, lake: Path) -> "_Run":
    return _run(jobs, JobRequest("maintain_state", ["--lake", lake.as_uri(), "--keep-days", "0"]))


def _tables(lake: Path) -> list[str]:
    return [(lake / "state" / table).as_uri() for table in _TABLES]


@dataclass(frozen=True)
class _Objects:
    """What lies under the state's tables: objects of the largest log, data files of the table that has most."""

    log: int
    data: int


def _objects(lake: Path) -> _Objects:
    tables = [lake / "state" / table for table in _TABLES]
    return _Objects(
        max(len(list((table / "_delta_log").iterdir())) for table in tables),
        max(len(list(table.glob("*.parquet"))) for table in tables),
    )


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


_Run = tuple[Watch, float, str]


def _run(jobs: Jobs, request: JobRequest) -> _Run:
    began = time.monotonic()
    with watched(jobs.pid) as watch:
        ended = jobs.run(request, _SECONDS)
    assert ended.code == 0, ended.log[-3000:]
    return watch, time.monotonic() - began, ended.log


def _commit_times(log: str) -> list[float]:
    entries = [json.loads(line) for line in log.splitlines() if '"batch committed"' in line]
    return [datetime.fromisoformat(entry["time"]).timestamp() for entry in entries]


def _line(what: str, tried: int, run: _Run, times: list[float], kept_small: bool, files: str) -> Survived:
    watch, seconds, _ = run
    slower = ratio([b - a for a, b in pairwise(times)])
    memory, open_files = watch.growth
    grown = {"time": slower, "memory": memory, "open files": open_files}
    failures = [
        f"soak, {what}: {name} of the last tenth is {growth:.2f} times what it was before"
        for name, growth in grown.items()
        # Maintenance is one short run: it has no tenths.
        if times and growth > MOST_GROWTH
    ]
    if not kept_small:
        failures.append(f"soak, {what}: {files}")
    note = ", ".join(f"{name} to {growth:.2f}" for name, growth in grown.items())
    return Survived(CHAPTER, f"{what}: a day's chunks", tried, failures, f"{note}, {files}", seconds)


def _write(path: Path, lines: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    customer, merchant = random.integers(0, _CUSTOMERS, lines), random.integers(0, _MERCHANTS, lines)
    paise = random.integers(100, 5000, lines)
    with path.open("w") as out:
        out.write("step,customer,gender,merchant,category,amount\n")
        for n, (c, m, p) in enumerate(zip(customer.tolist(), merchant.tolist(), paise.tolist(), strict=True)):
            out.write(f"{n},C{c},{'FM'[c % 2]},M{m},food,{p / 100:.2f}\n")
