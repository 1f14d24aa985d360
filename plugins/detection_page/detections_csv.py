"""Detections as CSV to download, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa

# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_A_PIECE = 1000
_COLUMNS = ("seq", "line", "detectionTime", "patternId", "ActionType", "customerName", "MerchantId")


def csv_pieces(rows: pa.Table) -> Iterator[bytes]:
    """Yield a header, then all rows some at a time: detections with each compared value and its threshold."""
    yield _lines([[*_COLUMNS, "evidence", "thresholds"]])
    for start in range(0, rows.num_rows, _ROWS_A_PIECE):
        piece = rows.slice(start, _ROWS_A_PIECE).to_pylist(maps_as_pydicts="strict")
        yield _lines(
            [*(_cell(row[name]) for name in _COLUMNS), _pairs(row["evidence"]), _pairs(row["thresholds"])]
            for row in piece
        )


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs: an apostrophe stands before what would be a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return guarded(value) if isinstance(value, str) else value


def _pairs(values: dict[str, float]) -> str:
    return guarded("; ".join(f"{name}={value:.10g}" for name, value in values.items()))


def _lines(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
