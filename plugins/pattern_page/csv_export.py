"""Detections as a CSV download that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa

# A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_PER_PIECE = 1000
_COLUMNS = ("seq", "line", "detectionTime", "patternId", "ActionType", "customerName", "MerchantId")


def csv_pieces(rows: pa.Table) -> Iterator[bytes]:
    """Yield the header, then the rows in pieces, each row with its compared values and thresholds."""
    yield _lines([[*_COLUMNS, "evidence", "thresholds"]])
    for start in range(0, rows.num_rows, _ROWS_PER_PIECE):
        piece = rows.slice(start, _ROWS_PER_PIECE).to_pylist(maps_as_pydicts="strict")
        yield _lines(
            [*(_cell(row[name]) for name in _COLUMNS), _pairs(row["evidence"]), _pairs(row["thresholds"])]
            for row in piece
        )


def escape_formula(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) else value


def _pairs(values: dict[str, float]) -> str:
    return escape_formula("; ".join(f"{name}={value:.10g}" for name, value in values.items()))


def _lines(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
