"""Detections as a CSV download that is safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa

_COLUMNS = ("seq", "line", "detectionTime", "patternId", "ActionType", "customerName", "MerchantId")
# Spreadsheets take a cell for a formula that starts with one of these (OWASP, "CSV Injection"), full-width ones too.
_FORMULA = "=+\\-@＝＋－＠"  # noqa: RUF001 - full-width on purpose
# Whatever may end a cell in some locale or import dialog, or is skipped at the start of one: separators, quotes, white
# space, control and invisible characters.
_BREAKS = "\\s;,|:\"'；，｜\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u2064\\ufeff"  # noqa: RUF001
_CELL_START = re.compile(f"(?:^|(?<=[{_BREAKS}]))(?=[{_FORMULA}])")


def csv_pieces(pages: Iterable[pa.Table]) -> Iterator[bytes]:
    """Yield the header, then one piece for each table, each row with its compared values and thresholds."""
    yield _lines([[*_COLUMNS, "evidence", "thresholds"]])
    for rows in pages:
        yield _lines(
            [*(_cell(row[name]) for name in _COLUMNS), _pairs(row["evidence"]), _pairs(row["thresholds"])]
            for row in rows.to_pylist(maps_as_pydicts="strict")
        )


def escape_formula(text: str) -> str:
    """Return the text with an apostrophe wherever a spreadsheet could see the start of a formula.

    Locales differ in what separates cells, so `C1;=1+1` becomes `C1;'=1+1`.
    """
    escaped = _CELL_START.sub("'", text)
    # A tab or a line break at the start is a trigger itself.
    return f"'{escaped}" if escaped.startswith(("\t", "\r", "\n")) else escaped


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) else value


def _pairs(values: dict[str, float]) -> str:
    return escape_formula("; ".join(f"{name}={value:.10g}" for name, value in values.items()))


def _lines(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return out.getvalue().encode()
