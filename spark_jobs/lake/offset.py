"""`offset.csv`: how far the chunker has landed the master file, and what the file looked like then."""

import csv
import hashlib
import io
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

from spark_jobs.errors import OffsetRaceLostError, OffsetUnreadableError, SourceRewrittenError
from spark_jobs.lake.layout import OFFSET

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

# Bytes at each end of the landed part of the master file that every run compares.
CHECKED_BYTES = 4096


@dataclass(frozen=True)
class Offset:
    """The one row of `offset.csv`.

    Attributes:
        next_line: the landed line; all lines below it are in the landing zone.
        next_byte: where that line starts in the master file.
        source_size: the master file's size in bytes when this was written.
        source_etag: its ETag at that time.
        updated_at: when this was written, ISO 8601 with UTC offset.
        source_check: SHA-256 over both ends of the landed part, see `source_check`.
    """

    next_line: int
    next_byte: int
    source_size: int
    source_etag: str
    updated_at: str
    source_check: str


_COLUMNS = tuple(field.name for field in fields(Offset))


@dataclass(frozen=True)
class StoredOffset:
    """An offset as read from the lake, with the ETag that its replacement must match."""

    offset: Offset
    etag: str


def read_offset(lake: "Objects") -> StoredOffset | None:
    """Return the lake's offset, or None before the first chunk.

    Raises:
        OffsetUnreadableError: `offset.csv` is not what the chunker writes.
    """
    stored = lake.find(OFFSET)
    return StoredOffset(parse_offset(stored.data, lake.place(OFFSET)), stored.etag) if stored else None


def read_landed_line(lake: "Objects") -> int:
    """Return the landed line, 0 before the first chunk; raises the errors of `read_offset`."""
    stored = read_offset(lake)
    return stored.offset.next_line if stored else 0


def advance_offset(lake: "Objects", offset: Offset, before: StoredOffset | None) -> None:
    """Replace the offset `before` atomically: from here on the chunk counts as landed.

    Raises:
        OffsetRaceLostError: another run has replaced it.
    """
    data = format_offset(offset)
    advanced = lake.create(OFFSET, data) if before is None else lake.replace(OFFSET, data, before.etag)
    if not advanced:
        # This run may have lost to its own earlier attempt, whose response was lost.
        found = lake.find(OFFSET)
        if found is None or found.data != data:
            msg = f"{lake.place(OFFSET)}: another chunker run advanced it first; nothing was changed, run again"
            raise OffsetRaceLostError(msg)


def format_offset(offset: Offset) -> bytes:
    """Return the offset as CSV: a header and one row."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_COLUMNS, astuple(offset)])
    return out.getvalue().encode()


def parse_offset(data: bytes, place: str) -> Offset:
    """Parse what `format_offset` returns; `place` names the file in errors.

    Raises:
        OffsetUnreadableError: a different header, not exactly one row, or an impossible value.
    """
    remedy = f"restore the last good version of {place}; nothing was changed"
    try:
        header, row = csv.reader(io.StringIO(data.decode()))
        if tuple(header) != _COLUMNS:
            msg = f"{place}, line 1: expected the columns {','.join(_COLUMNS)}, found {','.join(header)}; {remedy}"
            raise OffsetUnreadableError(msg)
        next_line, next_byte, size, etag, updated_at, check = row
        offset = Offset(int(next_line), int(next_byte), int(size), etag, updated_at, check)
        datetime.fromisoformat(updated_at)
    except ValueError as error:
        msg = f"{place}: not a header and one row of an offset ({error}); {remedy}"
        raise OffsetUnreadableError(msg) from error
    if not (0 <= offset.next_line <= offset.next_byte <= offset.source_size):
        msg = f"{place}, line 2: next_line <= next_byte <= source_size does not hold; {remedy}"
        raise OffsetUnreadableError(msg)
    return offset


def source_check(head: bytes, tail: bytes) -> str:
    """Return the fingerprint of the landed part from its first and last `CHECKED_BYTES` bytes."""
    return hashlib.sha256(head[:CHECKED_BYTES] + b"|" + tail[-CHECKED_BYTES:]).hexdigest()


def has_same_ends(offset: Offset, head: bytes, tail: bytes) -> bool:
    """Return whether both ends of the landed part are those that `offset` was written for.

    Args:
        head: the file's first bytes; those beyond the landed part are ignored.
        tail: the last `CHECKED_BYTES` bytes before `next_byte`, or fewer at the start of the file.
    """
    return source_check(head[: offset.next_byte], tail) == offset.source_check


def verify_source_size(offset: Offset, size: int, place: str) -> None:
    """Verify that the master file has not shrunk since `offset` was written.

    Raises:
        SourceRewrittenError: it has.
    """
    if size < offset.source_size:
        msg = f"{place} shrank: {size} bytes, {offset.source_size} when line {offset.next_line} was landed"
        raise SourceRewrittenError(f"{msg}; {_REWRITTEN_REMEDY}")


def verify_source_check(offset: Offset, head: bytes, tail: bytes, place: str) -> None:
    """Verify both ends of the landed part, see `has_same_ends`.

    Raises:
        SourceRewrittenError: they differ.
    """
    if not has_same_ends(offset, head, tail):
        msg = f"{place}: the part before byte {offset.next_byte} (line {offset.next_line}) changed after it was landed"
        raise SourceRewrittenError(f"{msg}; {_REWRITTEN_REMEDY}")


_REWRITTEN_REMEDY = "a master file may only grow: restore it, or start a new lake for the new file"
