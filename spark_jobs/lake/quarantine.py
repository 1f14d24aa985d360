"""Quarantine files: lines that cannot be transactions, with the reason and their raw text, one file per chunk."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from spark_jobs.columns import LINE
from spark_jobs.lake.layout import QUARANTINE, quarantine_first_line, quarantine_path

if TYPE_CHECKING:
    import pandas as pd

    from spark_jobs.store.objects import Objects

QUARANTINE_COLUMNS = (LINE, "reason", "raw")
# Number of latest lines over which the share of quarantined lines is computed.
QUARANTINE_WINDOW_LINES = 100_000

_TYPES = dict(zip(QUARANTINE_COLUMNS, (pa.int64(), pa.string(), pa.string()), strict=True))
# Characters of a line's raw text that are returned; a line may have any number.
_RAW_LIMIT = 300


@dataclass(frozen=True)
class QuarantinedLine:
    """A line that cannot be a transaction, the reason, and the first characters of its text."""

    line: int
    reason: str
    raw: str


def write_quarantine(lake: "Objects", first: int, rows: "pd.DataFrame") -> None:
    """Create the quarantine file of the chunk at line `first`, unless it exists or there are no `rows`."""
    if len(rows):
        lake.create(quarantine_path(first), format_quarantine(rows))


def format_quarantine(rows: "pd.DataFrame") -> bytes:
    """Return `line, reason, raw` as CSV with all text quoted, because raw text may contain carriage returns."""
    return rows.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).encode()


def parse_quarantine(data: bytes) -> tuple[QuarantinedLine, ...]:
    """Parse a quarantine file; lines are in order.

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
    if rows.column_names != list(QUARANTINE_COLUMNS):
        msg = f"expected the columns {','.join(QUARANTINE_COLUMNS)}, found {','.join(rows.column_names)}"
        raise ValueError(msg)
    return tuple(QuarantinedLine(row[LINE], row["reason"], row["raw"][:_RAW_LIMIT]) for row in rows.to_pylist())


def count_quarantined(data: bytes) -> int:
    """Return the number of lines in a quarantine file: raw text contains no newlines."""
    return max(0, data.count(b"\n") - 1)


class QuarantineReader:
    """Reads the latest quarantined lines of a lake, each file once."""

    def __init__(self, lake: "Objects", latest: int = 0) -> None:
        """Read a lake; `latest` is how many lines to return even if they precede the requested first line."""
        self._lake = lake
        self._latest = latest
        self._paths: list[str] = []
        self._files: dict[str, tuple[QuarantinedLine, ...]] = {}

    def read(self, first: int) -> tuple[int, tuple[QuarantinedLine, ...]]:
        """Return how many lines from `first` on are in quarantine, and the latest lines, newest first.

        Raises:
            ValueError: a file in the folder is not a quarantine file.
        """
        start = quarantine_path(first)
        after = self._paths[-1] if self._paths else "" if self._latest else start.removesuffix(".csv")
        self._paths += self._lake.list_after(QUARANTINE, after)
        needed: dict[str, tuple[QuarantinedLine, ...]] = {}
        lines: list[QuarantinedLine] = []
        for path in reversed(self._paths):
            if path < start and len(lines) >= self._latest:
                break
            needed[path] = self._files[path] if path in self._files else self._parse(path)
            lines += reversed(needed[path])
        self._files = needed
        return sum(line.line >= first for line in lines), tuple(lines[: self._latest])

    def _parse(self, path: str) -> tuple[QuarantinedLine, ...]:
        # Maintenance may have deleted the file after it was listed.
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
