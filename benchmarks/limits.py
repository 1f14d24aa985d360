"""Time of each step of a chunk by itself, on one core: a lower bound for any detector.

Each step takes the results of the previous one for the same chunks, and is repeated; the fastest run counts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.chunk_csv import read_columns
from spark_jobs.lake.importance import Importance, read_importance, weigher
from spark_jobs.lake.layout import chunk_path
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Outcome, Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import Objects, open_objects

_CHUNK = 10_000
_REPEATED = 3
_COMMITS = 15

_T = TypeVar("_T")


@dataclass(frozen=True)
class Step:
    """Seconds per chunk of one step; `of_processor` is False if they include waiting for the store."""

    name: str
    seconds: float
    of_processor: bool = True


def measure(lake_url: str, importance_url: str, scratch_url: str, chunks: int) -> list[Step]:
    """Take the first `chunks` chunks of a lake's landing zone through all steps.

    Args:
        lake_url: the lake.
        importance_url: the importance file.
        scratch_url: an empty place for the state's tables.
        chunks: their number.
    """
    lake = open_objects(lake_url)
    importance = read_importance(importance_url).weights
    assert importance
    firsts = [number * _CHUNK for number in range(chunks)]
    data, getting = _fastest(lambda: [_bytes(lake, first) for first in firsts], time.perf_counter)
    tables, parsing = _fastest(lambda: [read_columns(body, CHUNK_COLUMNS, lake_url) for body in data])
    sums, summing = _fastest(
        lambda: [sum_chunk(table, first + _CHUNK) for table, first in zip(tables, firsts, strict=True)]
    )
    packed, packing = _fastest(lambda: [chunk.packed() for chunk in sums])
    unpacked, unpacking = _fastest(
        lambda: [ChunkSums.unpack(chunk.end, body) for chunk, body in zip(sums, packed, strict=True)]
    )
    outcomes, advancing = _fastest(lambda: _advance(unpacked, importance))
    committing = _commit(outcomes[-_COMMITS:], scratch_url)
    return [
        Step("download the chunk", getting / chunks, of_processor=False),
        Step("parse the CSV", parsing / chunks),
        Step("sum by pair and category", summing / chunks),
        Step("pack and unpack the sums", (packing + unpacking) / chunks),
        Step("advance the state, join the weights, evaluate the patterns", advancing / chunks),
        Step("commit: detections and merchants, then pairs", committing, of_processor=False),
    ]


def _bytes(lake: Objects, first: int) -> bytes:
    stored = lake.find(chunk_path(first))
    assert stored
    return stored.data


def _advance(chunks: list[ChunkSums], importance: Importance) -> list[Outcome]:
    rules = Rules(BUILT_IN, every_chunk=False)
    detector = Detector(PairState(), Reported(), rules, lambda: datetime.now(UTC), weigher(importance))
    return [detector.advance([chunk]) for chunk in chunks]


def _commit(outcomes: list[Outcome], scratch_url: str) -> float:
    """Return the median seconds of committing one chunk."""
    tables = StateTables(open_objects(scratch_url))
    tables.load()
    seconds = []
    for outcome in outcomes:
        began = time.perf_counter()
        tables.commit(outcome, {})
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[len(seconds) // 2]


def _fastest(work: Callable[[], _T], clock: Callable[[], float] = time.process_time) -> tuple[_T, float]:
    """Return the result and the seconds of the fastest of several runs."""
    results = []
    for _ in range(_REPEATED):
        began = clock()
        result = work()
        results.append((clock() - began, result))
    seconds, result = min(results, key=lambda entry: entry[0])
    return result, seconds


def table(steps: list[Step]) -> str:
    """Return the steps as a Markdown table, with the transactions per second that each would allow alone."""
    lines = ["| step of one chunk | ms | rate if alone, one core |", "| --- | --- | --- |"]
    for step in steps:
        how = "" if step.of_processor else " (waiting included)"
        rate = f"{_CHUNK / step.seconds:,.0f} transactions/s"
        lines.append(f"| {step.name}{how} | {step.seconds * 1000:.1f} | {rate} |")
    return "\n".join(lines)
