"""Landing the next chunk of the master file. Any step may be killed, repeated, or raced by another run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from logging import Logger, getLogger

from spark_jobs.errors import LandingZoneError, SourceRewrittenError
from spark_jobs.lake.csv_quotes import MAX_RECORD_LINES
from spark_jobs.lake.header import verify_distinct_without_case
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.master_file import LineBlock, MasterFile, MasterFileVersion
from spark_jobs.lake.offset import Offset, advance_offset, read_offset
from spark_jobs.lake.quarantine import write_quarantine
from spark_jobs.lake.transactions import ParsedLines, parse_lines
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class ChunkerJob:
    """The inputs of a chunker run.

    Attributes:
        source: the master file.
        lake: the root of the lake.
        landing: its landing zone.
        chunk_size: lines per chunk; with up to 10,000, a run needs less than 1 GiB of memory whatever the lines are.
        now: the clock, with a time zone.
        log: gets a warning while an unfinished record keeps lines waiting.
    """

    source: MasterFile
    lake: Objects
    landing: Landing
    chunk_size: int
    now: Callable[[], datetime]
    log: Logger = field(default_factory=lambda: getLogger("chunker"))


@dataclass(frozen=True)
class LandedChunk:
    """Lines `[first, end)`, which are landed now.

    Attributes:
        first: the chunk's first line.
        end: the landed line now.
        quarantined: the number of its lines in quarantine.
        adopted: an earlier or concurrent run had created the chunk; this one completed it.
        lacks_gender: it has transactions, and none of them has the gender F or M.
    """

    first: int
    end: int
    quarantined: int
    adopted: bool
    lacks_gender: bool = False


def land_next_chunk(job: ChunkerJob) -> LandedChunk | None:
    """Land the next chunk and advance the offset; return None if no further line is finished.

    The order makes every instant safe: the chunk is created once and never changes, its quarantine file follows from
    it, and the offset makes it count. A run that finds the chunk created adopts its extent and completes the rest,
    writing the same bytes.

    Raises:
        RetryableError: nothing was lost, run again.
        PermanentError: nothing was changed, and somebody has to look.
    """
    stored = read_offset(job.lake)
    source = job.source.open(stored.offset if stored else None)
    if source is None:
        return None
    if job.landing.ignores_case:
        verify_distinct_without_case(source.columns, job.source.place)
    first = source.first_line
    block = source.read_chunk(job.chunk_size)
    if block.waiting:
        msg = (
            f"{job.source.place}, line {first + len(block.lines)}: a quote is not closed yet; append its end, or other"
            f" lines: if it is not closed within {MAX_RECORD_LINES} lines, this line goes to quarantine alone"
        )
        job.log.warning(msg, extra={"fields": {"lines_waiting": block.waiting}})
    if not block.lines:
        return None
    parsed = parse_lines(block.lines, first, source.columns, source.quoting)
    created = job.landing.create(first, parsed.rows)
    if not created:
        # Frees their memory before the landed chunk needs as much.
        del block, parsed
        block, parsed = _adopt(job.landing, source)
    write_quarantine(job.lake, first, parsed.quarantine)
    end = first + len(block.lines)
    offset = Offset(end, block.end_byte, source.size, source.etag, job.now().isoformat(), block.check)
    advance_offset(job.lake, offset, stored)
    return LandedChunk(first, end, len(parsed.quarantine), not created, parsed.lacks_gender)


def _adopt(landing: Landing, source: MasterFileVersion) -> tuple[LineBlock, ParsedLines]:
    """Return the lines of the existing chunk, which may be fewer: the file may have grown since."""
    first = source.first_line
    landed = landing.rows(first)
    place = landing.place(first)
    if landed.empty:
        msg = f"{place} has no lines and does not count yet; delete it, and run again"
        raise LandingZoneError(msg)
    block = source.read_lines(len(landed))
    parsed = parse_lines(block.lines, first, source.columns, source.quoting)
    if not parsed.rows.equals(landed):
        msg = (
            f"{place} was landed from a different {source.file.place}: they differ from line {first} on; restore the"
            " master file, or delete the chunk, which does not count yet"
        )
        raise SourceRewrittenError(msg)
    return block, parsed
