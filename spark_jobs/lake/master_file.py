"""The master file, read from the offset on. A line is one physical line; an unfinished one waits for its newline.

So does an unfinished record of several lines. A chunk never ends inside a record, so that what lands does not depend on
the size of chunks or on how the file grew, and no state crosses a chunk's end.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from obstore.exceptions import PreconditionError

from spark_jobs.errors import SourceHeaderError, SourceLineError, SourceMissingError, SourceReplacedError
from spark_jobs.lake.csv_header import HEADER_BYTES
from spark_jobs.lake.csv_quotes import (
    MAX_RECORD_BYTES,
    MAX_RECORD_LINES,
    Quoting,
    find_quoting,
    opens_record,
    whole_records,
)
from spark_jobs.lake.header import parse_header, verify_unfinished_header, verify_unfinished_line
from spark_jobs.lake.offset import (
    CHECKED_BYTES,
    Offset,
    has_same_ends,
    source_check,
    verify_source_check,
    verify_source_size,
)

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects, StoredObject

_GUESSED_LINE_BYTES = 256
_MARGIN = 1.1
# Parsing holds a chunk in memory several times over, and each field as an object. Ordinary lines have 100 bytes.
_CHUNK_BYTES = 64 << 20
_BYTES_PER_LINE = 8192
_CHUNK_FIELDS = 1_000_000
_FIELDS_PER_LINE = 100
# A longer unlanded part is assumed to contain a newline, without reading it.
_UNREAD_BYTES = 1 << 16


@dataclass(frozen=True)
class LineBlock:
    """Consecutive finished lines of the master file.

    Attributes:
        lines: without their line ends.
        end_byte: where the next line starts in the master file.
        check: `Offset.source_check` for an offset at `end_byte`.
        waiting: the finished lines at the end of the file that wait, because the record they begin is not finished.
    """

    lines: list[bytes]
    end_byte: int
    check: str
    waiting: int = 0


@dataclass(frozen=True)
class _Piece:
    """Lines of the master file from `first_byte` on, with carriage returns, and the last bytes `before` them."""

    before: bytes
    first_byte: int
    lines: list[bytes]

    @property
    def end_byte(self) -> int:
        return self.first_byte + sum(map(len, self.lines)) + len(self.lines)

    def tail(self) -> bytes:
        """Return the last `CHECKED_BYTES` bytes before `end_byte`, without copying the lines."""
        found = b""
        for line in reversed(self.lines):
            found = line[-CHECKED_BYTES:] + b"\n" + found
            if len(found) >= CHECKED_BYTES:
                break
        else:
            found = self.before + found
        return found[-CHECKED_BYTES:]


@dataclass(frozen=True)
class MasterFile:
    """Where the master file is: a folder, and the name in it."""

    folder: "Objects"
    name: str

    @property
    def place(self) -> str:
        """The full name, for messages."""
        return self.folder.place(self.name)

    def open(self, offset: Offset | None) -> "MasterFileVersion | None":
        """Open the present version; return None if its header is not finished yet.

        Raises:
            SourceMissingError: the file does not exist.
            SourceHeaderError: the header is missing or unusable.
            SourceRewrittenError: the file shrank since `offset` was written.
        """
        found = self.folder.find_range(self.name, 0, HEADER_BYTES)
        if found is None:
            raise self._missing()
        if offset:
            verify_source_size(offset, found.size, self.place)
        header, newline, _ = found.data.partition(b"\n")
        if not newline:
            verify_unfinished_header(header, self.place)
            if 0 < found.size < HEADER_BYTES and offset is None:
                return None
            problem = f"no line ends within its first {len(found.data)} bytes" if found.size else "the file is empty"
            msg = f"{self.place}, line 1: there is no header, {problem}; is this the right file?"
            raise SourceHeaderError(msg)
        columns = parse_header(header, self.place)
        return MasterFileVersion(self, columns, found.size, found.etag, found.data, len(header) + 1, offset)

    def head(self) -> "StoredObject":
        """Return the present version without its bytes.

        Raises:
            SourceMissingError: the file does not exist.
        """
        found = self.folder.head(self.name)
        if found is None:
            raise self._missing()
        return found

    def has_finished_line(self, start: int, size: int) -> bool:
        """Return whether a line ends between byte `start` and the end of the file, at `size`."""
        if size - start > _UNREAD_BYTES:
            return True
        return size > start and b"\n" in self._range(start, size)

    def matches(self, offset: Offset) -> bool:
        """Return whether both ends of the landed part are those that `offset` was written for."""
        head = self._range(0, min(CHECKED_BYTES, offset.next_byte))
        tail = self._range(max(0, offset.next_byte - CHECKED_BYTES), offset.next_byte)
        return has_same_ends(offset, head, tail)

    def _range(self, start: int, end: int) -> bytes:
        found = self.folder.find_range(self.name, start, end)
        if found is None:
            raise self._missing()
        return found.data

    def _missing(self) -> SourceMissingError:
        return SourceMissingError(f"{self.place} does not exist; upload the master file, or fix its address")


@dataclass(frozen=True)
class MasterFileVersion:
    """One version of the master file, positioned at an offset; every read is conditional on its ETag.

    Attributes:
        file: the master file.
        columns: the header's column names.
        size: bytes of the whole file.
        etag: the version.
        head: its first `HEADER_BYTES` bytes, fewer if the file is shorter.
        header_size: bytes of the header, newline included.
        offset: the position, None for the first line.
    """

    file: MasterFile
    columns: tuple[str, ...]
    size: int
    etag: str
    head: bytes
    header_size: int
    offset: Offset | None

    @property
    def first_line(self) -> int:
        """The line at the position."""
        return self.offset.next_line if self.offset else 0

    @cached_property
    def quoting(self) -> Quoting:
        """The quotes of the file, from its first bytes: the same for every version of it."""
        return find_quoting(self.head, len(self.columns))

    def read_chunk(self, limit: int) -> LineBlock:
        """Read `limit` finished lines; more to complete the last record, fewer at the end or if they are very long.

        The lines have at most 64 MiB, or 8 KiB times `limit` if that is more, and 1 million fields, or 100 times
        `limit`; a single line may have more. Reading them needs three times their bytes.

        Raises:
            SourceLineError: the first line alone is longer than a chunk may be, or the lines end in carriage returns.
            SourceReplacedError: the file was replaced meanwhile.
            SourceRewrittenError: the part before the position changed.
        """
        most = max(1, max(_CHUNK_FIELDS, limit * _FIELDS_PER_LINE) // len(self.columns))
        piece = self._read(min(limit, most), max(_CHUNK_BYTES, limit * _BYTES_PER_LINE))
        count = len(piece.lines)
        if not any(self._may_open(piece, at) for at in range(max(0, count - MAX_RECORD_LINES), count)):
            return self._block(piece, count)
        after = self._read_range(piece.end_byte, min(piece.end_byte + MAX_RECORD_BYTES, self.size))
        *following, unfinished = after.split(b"\n")
        at_end = piece.end_byte + len(after) == self.size
        lines = [_without_return(line) for line in (*piece.lines, *following)]
        whole = whole_records(lines, count, self.first_line, self.quoting, len(unfinished) if at_end else float("inf"))
        longer = _Piece(piece.before, piece.first_byte, [*piece.lines, *following])
        return self._block(longer, whole, waiting=max(0, len(lines) - whole) if whole < count else 0)

    def read_lines(self, count: int) -> LineBlock:
        """Read `count` finished lines however long they are, fewer at the end of the file; errors as `read_chunk`."""
        piece = self._read(count, self.size)
        return self._block(piece, len(piece.lines))

    def _may_open(self, piece: _Piece, at: int) -> bool:
        return opens_record(_without_return(piece.lines[at]), self.quoting.at(self.first_line + at))

    def _block(self, piece: _Piece, count: int, waiting: int = 0) -> LineBlock:
        block = _Piece(piece.before, piece.first_byte, piece.lines[:count])
        check = source_check(self.head[: block.end_byte], block.tail())
        return LineBlock([_without_return(line) for line in block.lines], block.end_byte, check, waiting)

    def _read(self, limit: int, max_bytes: int) -> _Piece:
        """Read once, and again with a larger range if lines are longer than those before."""
        next_byte = self.offset.next_byte if self.offset else self.header_size
        start = max(0, next_byte - CHECKED_BYTES)
        wanted = min(self._expected_bytes(limit), max_bytes)
        while True:
            end = min(next_byte + wanted, self.size)
            before, lines, rest = self._split_range(start, next_byte, end, limit)
            if len(lines) == limit or end == self.size or (wanted == max_bytes and lines):
                break
            if wanted == max_bytes:
                msg = (
                    f"{self.file.place}, line {self.first_line}: no line ends within {max_bytes >> 20} MiB of byte"
                    f" {next_byte}; fix the file from there on, it has not been landed yet"
                )
                raise SourceLineError(msg)
            wanted = min(wanted * 4, max_bytes)
            # Frees the memory of this attempt before the next one reads the same bytes and more.
            del lines, rest
        if self.offset:
            verify_source_check(self.offset, self.head, before, self.file.place)
        if not lines:
            verify_unfinished_line(rest, next_byte, self.first_line, self.file.place)
        return _Piece(before, next_byte, lines)

    def _split_range(self, start: int, first_byte: int, end: int, limit: int) -> tuple[bytes, list[bytes], bytes]:
        """Return the bytes before `first_byte`, at most `limit` finished lines from there on, and what follows them."""
        data = self._read_range(start, end)
        before, data = data[: first_byte - start], data[first_byte - start :]
        *lines, rest = data.split(b"\n", limit)
        return before, lines, rest

    def _expected_bytes(self, lines: int) -> int:
        """Return how many bytes most likely hold the next lines, from the mean so far."""
        mean = self.offset.next_byte / self.offset.next_line if self.offset and self.offset.next_line else None
        return int(lines * (mean or _GUESSED_LINE_BYTES) * _MARGIN) + _GUESSED_LINE_BYTES

    def _read_range(self, start: int, end: int) -> bytes:
        try:
            found = self.file.folder.find_range(self.file.name, start, end, self.etag)
        except PreconditionError:
            found = None
        if found is None:
            msg = f"{self.file.place} was replaced while it was being read; nothing was changed, run again"
            raise SourceReplacedError(msg)
        return found.data


def _without_return(line: bytes) -> bytes:
    return line.removesuffix(b"\r")
