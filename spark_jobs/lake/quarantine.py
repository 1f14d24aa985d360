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


def expire_quarantine(lake: "Objects", committed_line: int, written_before: datetime) -> int:
    """Delete the files of committed chunks written before a time, oldest first; return how many."""
    old = takewhile(
        lambda found: quarantine_first_line(found.path) < committed_line and found.modified_at < written_before,
        lake.list_objects(QUARANTINE),
    )
    expired: Sequence[str] = [found.path for found in old]
    lake.delete(expired)
    return len(expired)
