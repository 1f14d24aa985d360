"""From raw lines of the master file to transactions, and to quarantine what cannot be one."""

import csv
from dataclasses import dataclass

import pandas as pd

from spark_jobs.core.errors import SourceHeaderError

NEEDED_COLUMNS = ("customer", "gender", "merchant", "category", "amount")
LINE = "line"
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
        SourceHeaderError: undecodable, a needed column missing, a name twice, or a column named `line`.
    """
    try:
        text = raw.removesuffix(b"\r").decode("utf-8-sig")
        if "\0" in text:
            raise UnicodeError("NUL byte")
        names = _split_line(text)
    except (UnicodeError, csv.Error) as error:
        msg = f"{place}, line 1: the header is not CSV text in UTF-8 ({error}); is this the right file?"
        raise SourceHeaderError(msg) from error
    names = [name.strip() for name in names]
    missing = [name for name in NEEDED_COLUMNS if name not in names]
    if missing:
        msg = f"{place}, line 1: no column {', '.join(missing)} in the header {text[:200]!r}; add a header with it"
        raise SourceHeaderError(msg)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{place}, line 1: column {', '.join(twice)} stands more than once; rename one of them"
        raise SourceHeaderError(msg)
    if LINE in names:
        msg = f"{place}, line 1: a column may not be named {LINE!r}, which chunks use for the line number; rename it"
        raise SourceHeaderError(msg)
    return tuple(names)


def parse_lines(lines: list[bytes], first_line: int, columns: tuple[str, ...]) -> ParsedLines:
    """Parse raw lines; nothing is raised for a bad one, it goes to quarantine with the reason."""
    records, reasons = _split_lines(lines, len(columns))
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


def _split_lines(lines: list[bytes], width: int) -> tuple[list[list[str] | None], dict[int, str]]:
    """Split all lines at once where all are well formed; one by one where any is not."""
    try:
        block = b"\n".join(lines).decode()
        if not any(mark in block for mark in ('"', "\0", "\r")):
            records = list(csv.reader(block.split("\n"), quotechar="'", strict=True))
            # An unclosed quote swallows the next line: fewer records than lines.
            if len(records) == len(lines) and all(len(record) == width for record in records):
                return list(records), {}
    except (UnicodeError, csv.Error):
        pass  # some line is bad: the loop below finds which, and why
    split: list[list[str] | None] = []
    reasons: dict[int, str] = {}
    for position, line in enumerate(lines):
        record, reason = _split_or_reason(line, width)
        split.append(record)
        if reason:
            reasons[position] = reason
    return split, reasons


def _split_or_reason(line: bytes, width: int) -> tuple[list[str] | None, str]:
    try:
        text = line.decode()
    except UnicodeError as error:
        return None, f"not UTF-8: {error}"
    if "\0" in text or "\r" in text:
        return None, "a NUL byte or carriage return inside the line"
    try:
        record = _split_line(text)
    except csv.Error as error:
        return None, f"quotes do not match: {error}"
    if len(record) != width:
        return None, f"{len(record)} fields, the header has {width}"
    return record, ""


def _split_line(text: str) -> list[str]:
    """Split one line; its quote is the one that a field starts with."""
    quote = '"' if text.startswith('"') or ',"' in text else "'"
    return next(csv.reader([text], quotechar=quote, strict=True), [])


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
