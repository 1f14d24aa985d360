"""Time to land one chunk: at the start of the file and deep in it, into an empty and a full landing zone."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from local.sample_data import write_sample
from spark_jobs.chunker.land import ChunkerJob, land_next_chunk
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.layout import OFFSET, chunk_path
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import CHECKED_BYTES, Offset, format_offset, source_check
from spark_jobs.store.objects import Objects, open_objects

DEEP_LINE = 10_000_000
FULL_ZONE = 100_000
_CHUNK = 10_000
_RUNS = 15
_WRITERS = 4


@dataclass(frozen=True)
class ChunkerCost:
    """Median seconds of one chunk; the cases of a pair alternate: A B A B …"""

    at_line_0: float
    at_deep_line: float
    empty_zone: float
    full_zone: float


def measure(directory: Path, bucket: str) -> ChunkerCost:
    """Measure by depth on a local file, and by the size of the landing zone on the local S3."""
    deep = _deep_file(directory)
    size = deep.stat().st_size
    with deep.open("rb") as file:
        head = file.read(CHECKED_BYTES)
        header = len(head.split(b"\n", 1)[0]) + 1
        deep_byte = _byte_of_line(file, DEEP_LINE, header)
        file.seek(deep_byte - CHECKED_BYTES)
        tail = file.read(CHECKED_BYTES)
    source = open_objects(directory.as_uri())
    found = source.head(deep.name)
    assert found

    def at(line: int) -> Callable[[int], float]:
        def run(number: int) -> float:
            lake = open_objects((directory / f"lake-{line}-{number}").as_uri())
            if line:
                check = source_check(head, tail)
                lake.create(OFFSET, format_offset(Offset(line, deep_byte, size, found.etag, _now().isoformat(), check)))
            return _seconds(source, deep.name, lake)

        return run

    line_0, line_deep = _alternate(at(0), at(DEEP_LINE))

    s3 = open_objects(f"s3://{bucket}")
    write_sample(directory / "small", rows=_RUNS * _CHUNK)
    s3.write("small.csv", (directory / "small" / "transactions.csv").read_bytes())
    lakes = {name: open_objects(f"s3://{bucket}/{name}") for name in ("empty", "full")}
    with ThreadPoolExecutor(_WRITERS) as pool:
        names = (chunk_path(10**9 + number) for number in range(FULL_ZONE))
        for created in pool.map(lambda name: lakes["full"].create(name, b"line\n"), names):
            assert created
    empty, full = _alternate(
        lambda _: _seconds(s3, "small.csv", lakes["empty"]), lambda _: _seconds(s3, "small.csv", lakes["full"])
    )
    return ChunkerCost(line_0, line_deep, empty, full)


def _seconds(source: Objects, name: str, lake: Objects) -> float:
    job = ChunkerJob(MasterFile(source, name), lake, open_landing("csv", lake), _CHUNK, _now)
    began = time.perf_counter()
    chunk = land_next_chunk(job)
    seconds = time.perf_counter() - began
    assert chunk is not None
    assert chunk.end - chunk.first == _CHUNK
    return seconds


def _alternate(a: Callable[[int], float], b: Callable[[int], float]) -> tuple[float, float]:
    pairs = [(a(number), b(number)) for number in range(_RUNS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def _deep_file(directory: Path) -> Path:
    """Write a master file that repeats the sample past the deep line."""
    write_sample(directory)
    sample = (directory / "transactions.csv").read_bytes()
    header, _, lines = sample.partition(b"\n")
    count = lines.count(b"\n")
    path = directory / "deep.csv"
    with path.open("wb") as out:
        out.write(header + b"\n")
        for _ in range((DEEP_LINE + _CHUNK * 2) // count + 1):
            out.write(lines)
    return path


def _byte_of_line(file: BinaryIO, line: int, header: int) -> int:
    seen, at = 0, header
    file.seek(header)
    while True:
        block = file.read(1 << 20)
        found = block.count(b"\n")
        if seen + found >= line:
            pieces = block.split(b"\n", line - seen)
            return at + len(block) - len(pieces[-1])
        seen, at = seen + found, at + len(block)


def _now() -> datetime:
    return datetime.now(UTC)
