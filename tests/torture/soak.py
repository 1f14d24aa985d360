"""A day of 17,280 chunks in fast motion, landed, detected and maintained: nothing grows but what must."""

import json
import time
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
MOST_GROWTH = 1.1
# All pairs are there after a tenth of the day, so the state is as large at its end as then.
_CUSTOMERS, _MERCHANTS = 150, 8
_SECONDS = 1500
# The detector merges every 50 appends; so many data files may a table refer to.
_MOST_FILES = 60
# Maintenance leaves those of its own day; the day in fast motion is one minute of it.
_TABLES = ("pairs", "merchants", "detections")


def soak(directory: Path, seed: int, chunks: int = CHUNKS) -> list[Survived]:
    """Land a day, detect it, maintain it; measure the last tenth of each against the second."""
    source, lake = directory / "transactions.csv", directory / "lake"
    _write(source, chunks * CHUNK, seed)
    with job_processes({}) as jobs:
        sizes = ["--chunk-size", str(CHUNK), "--max-chunks", str(chunks)]
        chunker = _run(jobs, JobRequest("chunker", ["--source", source.as_uri(), "--lake", lake.as_uri(), *sizes]))
        landed = [path.stat().st_mtime for path in sorted((lake / "landing_zone").iterdir())]
        detector = _run(jobs, JobRequest("detector", ["--lake", lake.as_uri(), "--until-line", str(chunks * CHUNK)]))
        committed = _commit_times(detector[2])
        files = max(len(DeltaTable((lake / "state" / table).as_uri()).file_uris()) for table in _TABLES)
        maintenance = _run(jobs, JobRequest("maintain_state", ["--lake", lake.as_uri(), "--keep-days", "0"]))
    left = len(list((lake / "landing_zone").iterdir()))
    return [
        _line("chunker", chunks, chunker, landed, len(landed) == chunks, f"{len(landed):,} files"),
        _line("detector", chunks, detector, committed, files <= _MOST_FILES, f"at most {files} files a table"),
        _line("maintenance", 1, maintenance, [], left <= 1, f"{left} chunks left"),
    ]


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
        f"soak, {what}: {name} of the last tenth is {growth:.2f} times that of the second"
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
