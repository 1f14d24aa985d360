"""Quarantine files: lines that cannot be transactions, with the reason and the start of their text, one file per chunk.

A file is small whatever its lines are: of each, at most `RAW_CHARACTERS` are kept. Its length and hash identify the
rest, which the master file has. Each row begins with the number of rows, so that a count needs a few bytes of a file.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from spark_jobs.columns import LINE
from spark_jobs.lake.layout import QUARANTINE, quarantine_first_line, quarantine_path

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

# What is kept of a line and of a reason; an ordinary line has 100 characters.
RAW_CHARACTERS = 1024
REASON_CHARACTERS = 300
# These bytes hold the header and the count.
HEAD_BYTES = 512
# Number of latest lines over which the share of quarantined lines is computed.
QUARANTINE_WINDOW_LINES = 100_000

QUARANTINE_COLUMNS = (LINE, "quarantined", "bytes", "sha256", "reason", "raw")
# Of releases up to 1.0, whose files have whole lines and no count.
_OLD_COLUMNS = (LINE, "reason", "raw")
_TYPES = {LINE: pa.int64(), "reason": pa.string(), "raw": pa.string()}
# Characters of a line's raw text that are returned; in an old file it may have any number.
_RAW_LIMIT = 300
_RANGE_BYTES = 8 << 20


@dataclass(frozen=True)
class RejectedLine:
    """A line that cannot be a transaction, the reason, and all its bytes without the line end."""

    line: int
    reason: str
    raw: bytes

    @property
    def kept(self) -> str:
        """The start of the text; bytes that are not UTF-8 are shown as `\\xNN`."""
        # A byte becomes at most four characters, so begin with a quarter: hardly anything is decoded only to be cut.
        size = RAW_CHARACTERS // 4
        while True:
            text = self.raw[:size].decode("utf-8", "backslashreplace")
            # Of a character that `size` cuts, at most three bytes became characters of their own.
            if size >= len(self.raw) or len(text) >= RAW_CHARACTERS + 12:
                return text[:RAW_CHARACTERS]
            size *= 2


@dataclass(frozen=True)
class QuarantinedLine:
    """A line of a quarantine file, the reason, and the first characters of its text."""

    line: int
    reason: str
    raw: str


def write_quarantine(lake: "Objects", first: int, lines: Sequence[RejectedLine]) -> None:
    """Create the quarantine file of the chunk at line `first`, unless it exists or there are no lines."""
    if lines:
        lake.create(quarantine_path(first), format_quarantine(lines))


def format_quarantine(lines: Sequence[RejectedLine]) -> bytes:
    """Return `QUARANTINE_COLUMNS` as CSV with all text quoted, because raw text may contain carriage returns.

    `quarantined` is the number of lines, the same in each row; `bytes` and `sha256` are those of the whole line.
    """
    data = io.BytesIO()
    with io.TextIOWrapper(data, "utf-8", newline="", write_through=True) as text:
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(QUARANTINE_COLUMNS)
        for line in lines:
            sha256 = hashlib.sha256(line.raw).hexdigest()
            reason = line.reason[:REASON_CHARACTERS]
            writer.writerow((line.line, len(lines), len(line.raw), sha256, reason, line.kept))
        return data.getvalue()


def parse_quarantine(data: bytes) -> tuple[QuarantinedLine, ...]:
    """Parse a quarantine file of this release or an older one; lines are in order.

    Raises:
        ValueError: it is not a quarantine file.
    """
    # The csv module refuses long fields.
    rows = pa.csv.read_csv(
        pa.BufferReader(data),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=_TYPES, strings_can_be_null=False),
    )
    _verify_columns(rows.column_names)
    rows = rows.select(list(_OLD_COLUMNS))
    return tuple(QuarantinedLine(row[LINE], row["reason"], row["raw"][:_RAW_LIMIT]) for row in rows.to_pylist())


def count_quarantined(data: bytes) -> int:
    """Return the number of lines in a quarantine file: raw text contains no newlines."""
    return max(0, data.count(b"\n") - 1)


def stored_count(head: bytes) -> int | None:
    """Return the number of lines that the first `HEAD_BYTES` bytes of a quarantine file say, None in an old file.

    Raises:
        ValueError: it is not a quarantine file.
    """
    header, _, rows = head.partition(b"\n")
    names = [name.strip('"') for name in header.decode("utf-8", "backslashreplace").split(",")]
    _verify_columns(names)
    if names == list(_OLD_COLUMNS):
        return None
    return int(rows.split(b",", 2)[1]) if rows else 0


def _verify_columns(names: Sequence[str]) -> None:
    if tuple(names) not in (QUARANTINE_COLUMNS, _OLD_COLUMNS):
        found = ",".join(names)[:300]
        msg = f"expected the columns {','.join(QUARANTINE_COLUMNS)} or {','.join(_OLD_COLUMNS)}, found {found}"
        raise ValueError(msg)


@dataclass(frozen=True)
class _File:
    """How many lines a file has, and the latest of them; None if they have not been read."""

    count: int
    latest: tuple[QuarantinedLine, ...] | None = None


class QuarantineReader:
    """Reads the counts and the latest quarantined lines of a lake, each file once.

    Counting reads `HEAD_BYTES` of a file. Only an old one is read whole, in ranges of 8 MiB.
    """

    def __init__(self, lake: "Objects", latest: int = 0) -> None:
        """Read a lake; `latest` is how many lines to return even if they precede the requested first line."""
        self._lake = lake
        self._latest = latest
        self._paths: list[str] = []
        self._files: dict[str, _File] = {}

    def read(self, first: int) -> tuple[int, tuple[QuarantinedLine, ...]]:
        """Return how many lines of the chunks from `first` on are in quarantine, and the latest lines, newest first.

        Raises:
            ValueError: a file in the folder is not a quarantine file.
        """
        start = quarantine_path(first)
        after = self._paths[-1] if self._paths else "" if self._latest else start.removesuffix(".csv")
        self._paths += self._lake.list_after(QUARANTINE, after)
        needed: dict[str, _File] = {}
        count = 0
        lines: list[QuarantinedLine] = []
        for path in reversed(self._paths):
            wanted = self._latest - len(lines)
            if path < start and wanted <= 0:
                break
            file = self._files[path] if path in self._files else self._open(path)
            if wanted > 0:
                if file.latest is None:
                    file = replace(file, latest=self._parse(path)[-self._latest :])
                lines += list(reversed(file.latest or ()))[:wanted]
            if path >= start:
                count += file.count
            needed[path] = file
        self._files = needed
        return count, tuple(lines)

    def _open(self, path: str) -> _File:
        # Maintenance may have deleted the file after it was listed.
        head = self._lake.find_range(path, 0, HEAD_BYTES)
        if head is None:
            return _File(0, ())
        try:
            count = stored_count(head.data)
        except (ValueError, IndexError) as error:
            msg = f"{self._lake.place(path)} is not a quarantine file ({error}); move it elsewhere"
            raise ValueError(msg) from error
        if count is not None:
            return _File(count)
        if self._latest:
            parsed = self._parse(path)
            return _File(len(parsed), parsed[-self._latest :])
        newlines = 0
        for at in range(0, head.size, _RANGE_BYTES):
            part = self._lake.find_range(path, at, at + _RANGE_BYTES)
            newlines += part.data.count(b"\n") if part else 0
        return _File(max(0, newlines - 1))

    def _parse(self, path: str) -> tuple[QuarantinedLine, ...]:
        stored = self._lake.find(path)
        return parse_quarantine(stored.data) if stored else ()


def expire_quarantine(lake: "Objects", committed_line: int, written_before: datetime) -> int:
    """Delete the files of committed chunks written before a time, oldest first; return how many."""
    old = takewhile(
        lambda found: quarantine_first_line(found.path) < committed_line and found.modified_at < written_before,
        lake.list_objects(QUARANTINE),
    )
    expired: Sequence[str] = [found.path for found in old]
    lake.delete(expired)
    return len(expired)
