"""Looking at the master file for lines to land: once, or every few seconds until the time is up."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from spark_jobs.chunker.land import ChunkerJob, LandedChunk, land_next_chunk
from spark_jobs.errors import OffsetRaceLostError, RetryableError
from spark_jobs.lake.offset import read_landed_line

# After looks that failed one after another; the failure after the last pause ends the run.
RETRY_PAUSES_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)


@dataclass(frozen=True)
class ChunkerSummary:
    """The outcome of a run.

    Attributes:
        outcome: `done`, or `nothing_new` if no further line was finished.
        chunks: chunks landed, adopted ones included.
        lines_read: lines of these chunks.
        lines_landed: lines that are transactions.
        lines_quarantined: the other lines.
        chunks_without_gender: chunks with transactions of which none has the gender F or M.
        landed_line: all lines below it are in the landing zone.
        seconds: duration of the run inside the process.
    """

    outcome: str
    chunks: int
    lines_read: int
    lines_landed: int
    lines_quarantined: int
    chunks_without_gender: int
    landed_line: int
    seconds: float


def look_once(job: ChunkerJob, max_chunks: int) -> ChunkerSummary:
    """Land up to `max_chunks` chunks, one after another."""
    started = time.monotonic()
    chunks: list[LandedChunk] = []
    while len(chunks) < max_chunks and (chunk := land_next_chunk(job)):
        chunks.append(chunk)
    return _summary(job, chunks, time.monotonic() - started)


@dataclass(frozen=True)
class Pace:
    """How long to follow the master file, and the seconds between two looks while there is no backlog."""

    seconds: float
    interval_seconds: float


def follow(
    job: ChunkerJob, pace: Pace, wait: Callable[[float], bool], monotonic: Callable[[], float]
) -> ChunkerSummary:
    """Land every line that the master file gets until the time is up; return the summary of the whole run.

    Each landed chunk is logged, an empty look is not. A look that failed is repeated after a pause.

    Args:
        job: its log is the run's; a warning that only repeats the previous one is left out.
        wait: waits so many seconds; returns True, at once, when the run is to stop.
        monotonic: seconds since any moment.

    Raises:
        RetryableError: looks failed one after another, despite all pauses.
        PermanentError: nothing was changed, and somebody has to look.
    """
    started = monotonic()
    chunks: list[LandedChunk] = []
    failures = 0
    with _without_repetitions(job.log):
        while True:
            pause = pace.interval_seconds
            try:
                chunk = land_next_chunk(job)
            except OffsetRaceLostError:
                # Another run has landed these lines; two overlap whenever one takes over from the other.
                failures = 0
            except RetryableError as error:
                if failures == len(RETRY_PAUSES_SECONDS):
                    raise
                pause = RETRY_PAUSES_SECONDS[failures]
                failures += 1
                job.log.warning("look failed", extra={"fields": {"error": str(error), "next_look_seconds": pause}})
            else:
                failures = 0
                if chunk:
                    chunks.append(chunk)
                    job.log.info("chunk landed", extra={"fields": asdict(chunk)})
                    if chunk.end - chunk.first >= job.chunk_size:
                        pause = 0.0
            left = started + pace.seconds - monotonic()
            if wait(max(0.0, min(pause, left))) or left <= pause:
                return _summary(job, chunks, monotonic() - started)


def _summary(job: ChunkerJob, chunks: Sequence[LandedChunk], seconds: float) -> ChunkerSummary:
    lines = sum(chunk.end - chunk.first for chunk in chunks)
    quarantined = sum(chunk.quarantined for chunk in chunks)
    return ChunkerSummary(
        outcome="done" if chunks else "nothing_new",
        chunks=len(chunks),
        lines_read=lines,
        lines_landed=lines - quarantined,
        lines_quarantined=quarantined,
        chunks_without_gender=sum(chunk.lacks_gender for chunk in chunks),
        landed_line=chunks[-1].end if chunks else read_landed_line(job.lake),
        seconds=round(seconds, 3),
    )


class _ChangesOnly(logging.Filter):
    """Drops a record that says the same as the one before it."""

    def __init__(self) -> None:
        super().__init__()
        self._last: object = None

    def filter(self, record: logging.LogRecord) -> bool:
        said = (record.getMessage(), getattr(record, "fields", None))
        changed, self._last = said != self._last, said
        return changed


@contextmanager
def _without_repetitions(log: logging.Logger) -> Iterator[None]:
    changes_only = _ChangesOnly()
    log.addFilter(changes_only)
    try:
        yield
    finally:
        log.removeFilter(changes_only)
