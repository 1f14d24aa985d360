"""Land the next chunk of the master file. Any step may be killed, repeated, or raced by another run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from obstore.exceptions import PreconditionError

from spark_jobs.errors import (
    LandingZoneError,
    OffsetRaceLostError,
    SourceHeaderError,
    SourceLineError,
    SourceMissingError,
    SourceReplacedError,
    SourceRewrittenError,
)
from spark_jobs.lake.chunk_csv import format_quarantine
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.layout import OFFSET, quarantine_path
from spark_jobs.lake.lines import FinishedLines, bytes_at_most, bytes_to_read, finished_lines
from spark_jobs.lake.offset import (
    CHECKED_BYTES,
    Offset,
    format_offset,
    parse_offset,
    source_check,
    verify_source_check,
    verify_source_size,
)
from spark_jobs.lake.transactions import ParsedLines, parse_header, parse_lines, verify_unfinished_header
from spark_jobs.store.objects import Objects

# The header must end within this many bytes.
HEADER_BYTES = 65_536


@dataclass(frozen=True)
class Job:
    """What one chunker run works on.

    Attributes:
        source: where the master file lies.
        source_name: its name there.
        lake: the root of the lake.
        landing: its landing zone.
        chunk_size: lines of a chunk, fewer only at the end of the master file, and where they are very long.
        now: the clock, with a time zone.
    """

    source: Objects
    source_name: str
    lake: Objects
    landing: Landing
    chunk_size: int
    now: Callable[[], datetime]

    @property
    def source_place(self) -> str:
        """The master file's full name, for messages."""
        return self.source.place(self.source_name)


@dataclass(frozen=True)
class LandedChunk:
    """Lines `[first, end)` are landed.

    Attributes:
        first: the chunk's first line.
        end: the landed line now.
        quarantined: how many of its lines went to quarantine.
        adopted: an earlier or a concurrent run had created the chunk; this one finished its work.
    """

    first: int
    end: int
    quarantined: int
    adopted: bool


@dataclass(frozen=True)
class _Source:
    """One version of the master file; all reads are under its ETag.

    Attributes:
        head: its first `HEADER_BYTES` bytes, fewer where it has fewer.
        header_size: bytes of the header line with its newline.
        columns: the header's column names.
        size: bytes of the whole file.
        etag: the version.
    """

    head: bytes
    header_size: int
    columns: tuple[str, ...]
    size: int
    etag: str


@dataclass(frozen=True)
class _Block:
    """Finished lines from some byte on.

    Attributes:
        finished: the lines.
        end_byte: where the first line after them starts in the master file.
        tail: the last `CHECKED_BYTES` bytes of the master file before `end_byte`.
    """

    finished: FinishedLines
    end_byte: int
    tail: bytes


def land_next_chunk(job: Job) -> LandedChunk | None:
    """Land the next chunk and move the offset; None where no further line is finished.

    The order makes it safe at every instruction: the chunk is created once and for all, then what belongs to it
    (its quarantine) is derived from it, then the offset makes it count. Whoever finds the chunk there adopts its
    extent and does the rest, with the same bytes.

    Raises:
        RetryableError: nothing was lost, run again.
        PermanentError: nothing was changed, somebody has to look.
    """
    stored = job.lake.find(OFFSET)
    offset = parse_offset(stored.data, job.lake.place(OFFSET)) if stored else None
    source = _open_source(job, offset)
    if source is None:
        return None
    first = offset.next_line if offset else 0
    block = _read_lines(job, source, offset, job.chunk_size, bytes_at_most(job.chunk_size))
    if not block.finished.lines:
        return None

    parsed = parse_lines(block.finished.lines, first, source.columns)
    created = job.landing.create(first, parsed.rows)
    if not created:
        block, parsed = _adopt(job, source, offset, first)

    if len(parsed.quarantine):
        job.lake.create(quarantine_path(first), format_quarantine(parsed.quarantine))

    end = first + len(block.finished.lines)
    check = source_check(source.head[: block.end_byte], block.tail)
    moved = Offset(end, block.end_byte, source.size, source.etag, job.now().isoformat(), check)
    _move_offset(job, format_offset(moved), stored.etag if stored else None)
    return LandedChunk(first, end, len(parsed.quarantine), adopted=not created)


def _open_source(job: Job, offset: Offset | None) -> _Source | None:
    """Read the header of the master file's present version; None where the header is not finished yet."""
    found = job.source.find_range(job.source_name, 0, HEADER_BYTES)
    if found is None:
        msg = f"{job.source_place} does not exist; put the master file there, or mend --source"
        raise SourceMissingError(msg)
    if offset:
        verify_source_size(offset, found.size, job.source_place)
    header, newline, _ = found.data.partition(b"\n")
    if not newline:
        verify_unfinished_header(header, job.source_place)
        if 0 < found.size < HEADER_BYTES and offset is None:
            return None
        what = f"no line ends within its first {len(found.data)} bytes" if found.size else "the file is empty"
        msg = f"{job.source_place}, line 1: there is no header, {what}; is this the right file?"
        raise SourceHeaderError(msg)
    columns = parse_header(header, job.source_place)
    return _Source(found.data, len(header) + 1, columns, found.size, found.etag)


def _read_lines(job: Job, source: _Source, offset: Offset | None, limit: int, most: int) -> _Block:
    """Read at most `limit` finished lines from the offset on, in `most` bytes.

    One ranged read, further ones where lines are longer than they were.

    Raises:
        SourceLineError: the first line alone has more bytes.
    """
    first, next_byte = (offset.next_line, offset.next_byte) if offset else (0, source.header_size)
    start = max(0, next_byte - CHECKED_BYTES)
    wanted = min(bytes_to_read(limit, first, next_byte), most)
    while True:
        end = min(next_byte + wanted, source.size)
        data = _read_range(job, source, start, end)
        finished = finished_lines(data[next_byte - start :], limit)
        if len(finished.lines) == limit or end == source.size or (wanted == most and finished.lines):
            break
        if wanted == most:
            msg = (
                f"{job.source_place}, line {first}: no line ends within {most >> 20} MiB from byte {next_byte} on; mend"
                " the file from there, it has not been landed yet"
            )
            raise SourceLineError(msg)
        wanted = min(wanted * 4, most)
    if offset:
        verify_source_check(offset, source.head, data[: next_byte - start], job.source_place)
    end_byte = next_byte + finished.size
    return _Block(finished, end_byte, data[: end_byte - start][-CHECKED_BYTES:])


def _read_range(job: Job, source: _Source, start: int, end: int) -> bytes:
    try:
        found = job.source.find_range(job.source_name, start, end, source.etag)
    except PreconditionError:
        found = None
    if found is None:
        msg = f"{job.source_place} was replaced while it was being read; nothing was changed, run again"
        raise SourceReplacedError(msg)
    return found.data


def _adopt(job: Job, source: _Source, offset: Offset | None, first: int) -> tuple[_Block, ParsedLines]:
    """Return the lines of the chunk that is there already: the file may have grown since it was created."""
    landed = job.landing.rows(first)
    place = job.landing.place(first)
    if landed.empty:
        msg = f"{place} holds no lines; it does not count yet: delete it, and run again"
        raise LandingZoneError(msg)
    block = _read_lines(job, source, offset, len(landed), source.size)
    parsed = parse_lines(block.finished.lines, first, source.columns)
    if not parsed.rows.equals(landed):
        msg = (
            f"{place} was landed from another {job.source_place}: its lines differ from the file's lines from"
            f" {first} on; restore the master file, or delete the chunk, which does not count yet"
        )
        raise SourceRewrittenError(msg)
    return block, parsed


def _move_offset(job: Job, data: bytes, etag: str | None) -> None:
    """Make the chunk count, unless another run has done so."""
    moved = job.lake.create(OFFSET, data) if etag is None else job.lake.replace(OFFSET, data, etag)
    if moved:
        return
    # A retry inside the client may have met its own first, successful attempt.
    found = job.lake.find(OFFSET)
    if found is None or found.data != data:
        msg = f"{job.lake.place(OFFSET)}: another chunker run moved it first; this run has changed nothing, run again"
        raise OffsetRaceLostError(msg)
