"""A chunker job on a lake in memory, and access to what it landed."""

import csv
import io
import itertools
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any

from spark_jobs.chunker.land import ChunkerJob
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.layout import OFFSET, QUARANTINE
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.store.objects import Objects, open_objects

HEADER = b"step,'customer',gender,merchant,category,amount\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def good_line(number: int) -> bytes:
    return b"%d,'C%d','F','M%d','es_food',%d.50\n" % (number, number % 7, number % 3, number)


def new_job(url: str = "memory://", landing_format: str = "csv", chunk_size: int = 3) -> ChunkerJob:
    lake = open_objects(url)
    source = open_objects("memory://")
    ticks = itertools.count()
    clock: Callable[[], datetime] = lambda: NOW.replace(microsecond=next(ticks))  # noqa: E731
    master_file = MasterFile(source, "transactions.csv")
    return ChunkerJob(master_file, lake, open_landing(landing_format, lake), chunk_size, clock)


def write_source(job: ChunkerJob, data: bytes) -> None:
    job.source.folder.write(job.source.name, data)


def landed_chunks(job: ChunkerJob) -> list[tuple[int, list[dict[Hashable, Any]]]]:
    """Return the first line and the rows of each chunk below the landed line."""
    landed = read_landed_line(job.lake)
    firsts = [first for first in job.landing.first_lines(0, 10_000) if first < landed]
    return [(first, job.landing.rows(first).to_dict("records")) for first in firsts]


def quarantined(lake: Objects) -> list[tuple[int, str]]:
    """Return line number and raw text of all quarantined lines, in order of files."""
    result = []
    for path in lake.list_after(QUARANTINE, ""):
        stored = lake.find(path)
        assert stored
        result += [(int(row["line"]), row["raw"]) for row in csv.DictReader(io.StringIO(stored.data.decode()))]
    return result


def snapshot(lake: Objects) -> dict[str, bytes]:
    """Return all objects of a lake."""
    found = {}
    for prefix in ("landing_zone", QUARANTINE):
        for path in lake.list_after(prefix, ""):
            found[path] = getattr(lake.find(path), "data", b"")
    found[OFFSET] = getattr(lake.find(OFFSET), "data", b"")
    return found
