"""`offset.csv`: how far the chunker has landed the master file, and what the file looked like then."""

import csv
import hashlib
import io
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from spark_jobs.errors import OffsetUnreadableError, SourceRewrittenError

# Bytes at each end of the already-read part that are compared on every run.
CHECKED_BYTES = 4096


@dataclass(frozen=True)
class Offset:
    """One row of `offset.csv`.

    Attributes:
        next_line: the landed line; all lines below it are in the landing zone.
        next_byte: where that line starts in the master file.
        source_size: the master file's size in bytes when this was written.
        source_etag: its ETag then.
        updated_at: when this was written, ISO 8601 with offset.
        source_check: SHA-256 over both ends of the already-read part, see `source_check`.
    """

    next_line: int
    next_byte: int
    source_size: int
    source_etag: str
    updated_at: str
    source_check: str


_COLUMNS = tuple(field.name for field in fields(Offset))


def format_offset(offset: Offset) -> bytes:
    """Return the offset as a CSV file of a header and one row."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_COLUMNS, astuple(offset)])
    return out.getvalue().encode()


def parse_offset(data: bytes, place: str) -> Offset:
    """Read what `format_offset` wrote; `place` names the file in errors.

    Raises:
        OffsetUnreadableError: another header, not exactly one row, or a value that cannot be.
    """
    way_out = f"restore the last good version of {place}; nothing was changed"
    try:
        rows = list(csv.reader(io.StringIO(data.decode())))
        header, row = rows
        if tuple(header) != _COLUMNS:
            msg = f"{place}, line 1: expected the columns {','.join(_COLUMNS)}, found {','.join(header)}; {way_out}"
            raise OffsetUnreadableError(msg)
        next_line, next_byte, size, etag, updated_at, check = row
        offset = Offset(int(next_line), int(next_byte), int(size), etag, updated_at, check)
        datetime.fromisoformat(updated_at)
    except ValueError as error:
        msg = f"{place}: not a header and one row of an offset ({error}); {way_out}"
        raise OffsetUnreadableError(msg) from error
    if not (0 <= offset.next_line <= offset.next_byte <= offset.source_size):
        msg = f"{place}, line 2: next_line <= next_byte <= source_size does not hold; {way_out}"
        raise OffsetUnreadableError(msg)
    return offset


def source_check(head: bytes, tail: bytes) -> str:
    """Return the fingerprint of the already-read part from its first and last `CHECKED_BYTES` bytes."""
    return hashlib.sha256(head[:CHECKED_BYTES] + b"|" + tail[-CHECKED_BYTES:]).hexdigest()


def has_same_ends(offset: Offset, head: bytes, tail: bytes) -> bool:
    """Return whether both ends of the already-read part are those of the file that `offset` was written of.

    Args:
        head: the file's first bytes, of which those of the already-read part count.
        tail: the bytes before `next_byte`, `CHECKED_BYTES` of them where there are as many.
    """
    return source_check(head[: offset.next_byte], tail) == offset.source_check


def verify_source_size(offset: Offset, size: int, place: str) -> None:
    """Check that the master file did not become shorter since `offset` was written.

    Raises:
        SourceRewrittenError: it did.
    """
    if size < offset.source_size:
        msg = f"{place} became shorter: {size} bytes, {offset.source_size} when line {offset.next_line} was landed"
        raise SourceRewrittenError(f"{msg}; {_way_out()}")


def verify_source_check(offset: Offset, head: bytes, tail: bytes, place: str) -> None:
    """Check both ends of the already-read part, see `has_same_ends`.

    Raises:
        SourceRewrittenError: they differ.
    """
    if not has_same_ends(offset, head, tail):
        msg = f"{place}: the part before byte {offset.next_byte} (line {offset.next_line}) changed since it was read"
        raise SourceRewrittenError(f"{msg}; {_way_out()}")


def _way_out() -> str:
    return "a master file may only grow: restore it, or start a new lake for the new file"
