"""Quarantined lines, as the chunker writes them: `line, reason, raw`."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

_COLUMNS = {"line": pa.int64(), "reason": pa.string(), "raw": pa.string()}
# Characters of the raw text; a line may have any number of them.
_RAW_SHOWN = 300


@dataclass(frozen=True)
class QuarantinedLine:
    """A line of the master file that cannot be a transaction, why, and the beginning of its text."""

    line: int
    reason: str
    raw: str


def parse_quarantine(data: bytes) -> tuple[QuarantinedLine, ...]:
    """Read one quarantine file, in order of lines.

    Raises:
        ValueError: it is none.
    """
    # Arrow's reader: the csv module refuses long fields.
    rows = pa.csv.read_csv(
        pa.BufferReader(data),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=_COLUMNS, strings_can_be_null=False),
    )
    if rows.column_names != list(_COLUMNS):
        msg = f"expected the columns {','.join(_COLUMNS)}, found {','.join(rows.column_names)}"
        raise ValueError(msg)
    return tuple(QuarantinedLine(row["line"], row["reason"], row["raw"][:_RAW_SHOWN]) for row in rows.to_pylist())
