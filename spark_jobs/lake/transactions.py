"""From raw lines of the master file to transactions, and to quarantine what cannot be one."""

from dataclasses import dataclass

import pandas as pd

from spark_jobs.columns import LINE
from spark_jobs.errors import SourceHeaderError
from spark_jobs.lake.csv_lines import split_header, split_lines

NEEDED_COLUMNS = ("customer", "gender", "merchant", "category", "amount")

QUARANTINE_COLUMNS = (LINE, "reason", "raw")

# Sums are 64-bit integers of 1/10,000; at this amount a pair may still have 92,000 such transactions.
MAX_AMOUNT = 1e10
_NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class ParsedLines:
    """Lines `[first, first + n)` of the master file.

    Attributes:
        rows: n rows, one a line: `line` and all columns of the master file as text. A quarantined line keeps
            its place: its row is empty but for `line`.
        quarantine: one row for each line that cannot be a transaction: `line`, `reason`, `raw` text.
    """

    rows: pd.DataFrame
    quarantine: pd.DataFrame


def parse_header(raw: bytes, place: str) -> tuple[str, ...]:
    """Return the master file's column names.

    Raises:
        SourceHeaderError: undecodable, a needed column missing, a name twice or empty, or a column named `line`.
    """
    try:
        names = split_header(raw)
    except ValueError as error:
        msg = f"{place}, line 1: {error}"
        raise SourceHeaderError(msg) from error
    missing = [name for name in NEEDED_COLUMNS if name not in names]
    if missing:
        header = raw[:200].decode("utf-8", "replace")
        msg = f"{place}, line 1: no column {', '.join(missing)} in the header {header!r}; add a header with it"
        raise SourceHeaderError(msg)
    if LINE in names:
        msg = f"{place}, line 1: a column may not be named {LINE!r}, which chunks use for the line number; rename it"
        raise SourceHeaderError(msg)
    return tuple(names)


def verify_unfinished_header(raw: bytes, place: str) -> None:
    """Raise SourceHeaderError where a header that has no newline yet can never become one.

    A carriage return that something follows is no part of a line's end: lines end with carriage returns alone.
    """
    at = raw.find(b"\r")
    if 0 <= at < len(raw) - 1:
        msg = (
            f"{place}, line 1: a carriage return alone, at byte {at}; write the file with newlines (tr '\\r' '\\n'),"
            " or is this not the right file?"
        )
        raise SourceHeaderError(msg)


def parse_lines(lines: list[bytes], first_line: int, columns: tuple[str, ...]) -> ParsedLines:
    """Parse raw lines; nothing is raised for a bad one, it goes to quarantine with the reason."""
    records, reasons = split_lines(lines, len(columns))
    blank = [""] * len(columns)
    rows = pd.DataFrame([record or blank for record in records], columns=list(columns), dtype="str")
    rows["amount"] = rows["amount"].str.strip()
    for position, reason in _impossible_values(rows):
        reasons.setdefault(position, reason)
    if reasons:
        rows.iloc[list(reasons)] = ""
    rows.insert(0, LINE, range(first_line, first_line + len(lines)))
    quarantine = pd.DataFrame(
        [(first_line + at, reasons[at], lines[at].decode("utf-8", "backslashreplace")) for at in sorted(reasons)],
        columns=list(QUARANTINE_COLUMNS),
    )
    return ParsedLines(rows, quarantine)


def _impossible_values(rows: pd.DataFrame) -> list[tuple[int, str]]:
    """Return (position, reason) of rows that have a needed value missing or an amount that cannot be."""
    found = [
        (int(position), f"{name} is missing")
        for name in NEEDED_COLUMNS
        for position in (rows[name].str.strip() == "").to_numpy().nonzero()[0]
    ]
    amount = rows["amount"]
    value = pd.to_numeric(amount.where(amount.str.fullmatch(_NUMBER)), errors="coerce").astype("float64")
    possible = ((value >= 0) & (value <= MAX_AMOUNT)).to_numpy()
    for position in (~possible).nonzero()[0]:
        number, text = value.iloc[position], amount.iloc[position][:50]
        if number < 0:
            reason = f"amount {text} is negative"
        elif MAX_AMOUNT < number < float("inf"):
            reason = f"amount {text} is above {MAX_AMOUNT:.0f}, the largest whose sums are exact"
        else:
            reason = f"amount {text!r} is not a finite number"
        found.append((int(position), reason))
    return found
