"""Parsing lines of the master file into transactions, and into quarantine if they cannot be one."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from spark_jobs.columns import KNOWN_GENDERS, LINE
from spark_jobs.errors import SourceHeaderError, SourceLineError
from spark_jobs.lake.csv_lines import split_header, split_lines, verify_columns
from spark_jobs.lake.csv_quotes import Quoting
from spark_jobs.lake.quarantine import RejectedLine

REQUIRED_COLUMNS = ("customer", "gender", "merchant", "category", "amount")


# Sums are 64-bit integers in units of 1/10,000: a pair may have 92,000 transactions of this amount.
MAX_AMOUNT = 1e10
_NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class ParsedLines:
    """Lines `[first, first + n)` of the master file.

    Attributes:
        rows: one row per line: `line` and all columns of the master file as text, the required ones without blanks
            around. The row of a quarantined line is empty except for `line`.
        quarantine: the lines that cannot be transactions, in order.
    """

    rows: pd.DataFrame
    quarantine: list[RejectedLine]

    @property
    def lacks_gender(self) -> bool:
        """Whether there are transactions, and none has a gender that counts."""
        return len(self.quarantine) < len(self.rows) and not self.rows["gender"].isin(KNOWN_GENDERS).any()


def parse_header(raw: bytes, place: str) -> tuple[str, ...]:
    """Return the master file's column names.

    Raises:
        SourceHeaderError: undecodable, a required column missing, a duplicate or empty name, or a column named `line`.
    """
    try:
        names = split_header(raw)
        verify_columns(raw, names, REQUIRED_COLUMNS)
    except ValueError as error:
        msg = f"{place}, line 1: {error}"
        raise SourceHeaderError(msg) from error
    if LINE in names:
        msg = f"{place}, line 1: a column cannot be named {LINE!r}, which chunks use for the line number; rename it"
        raise SourceHeaderError(msg)
    return tuple(names)


def verify_distinct_without_case(columns: Sequence[str], place: str) -> None:
    """Raise SourceHeaderError if columns, or one and the chunks' own `line`, differ only in case."""
    known = {LINE: LINE}
    for name in columns:
        other = known.setdefault(name.lower(), name)
        if other != name:
            msg = (
                f"{place}, line 1: the columns {other!r} and {name!r} differ only in case, which a Delta table does not"
                " allow; rename one of them"
            )
            raise SourceHeaderError(msg)


def verify_unfinished_header(raw: bytes, place: str) -> None:
    """Raise SourceHeaderError if a header without a newline contains a carriage return that does not end it."""
    at = _inner_return(raw)
    if at is not None:
        msg = f"{place}, line 1: {_LONE_RETURN.format(at)}; or is this not the right file?"
        raise SourceHeaderError(msg)


def verify_unfinished_line(raw: bytes, first_byte: int, line: int, place: str) -> None:
    """Raise SourceLineError if a line without a newline, at `first_byte`, contains a carriage return, as above."""
    at = _inner_return(raw)
    if at is not None:
        msg = f"{place}, line {line}: {_LONE_RETURN.format(first_byte + at)}; nothing from there on has been landed yet"
        raise SourceLineError(msg)


_LONE_RETURN = "a carriage return without a newline, at byte {}; write the file with newlines (tr '\\r' '\\n')"


def _inner_return(raw: bytes) -> int | None:
    """Return where a carriage return is that cannot be half of a line end, or None."""
    at = raw.find(b"\r", 0, -1)
    return at if at >= 0 else None


def parse_lines(lines: list[bytes], first_line: int, columns: tuple[str, ...], quoting: Quoting) -> ParsedLines:
    """Parse raw lines of whole records; a bad one does not raise, it goes to quarantine with the reason.

    The bytes of a bad line are shared, not copied, and it is decoded alone.
    """
    records, reasons = split_lines(lines, len(columns), first_line, quoting)
    blank = [""] * len(columns)
    rows = pd.DataFrame([record or blank for record in records], columns=list(columns), dtype="str")
    # Frees the texts with blanks around them, column by column.
    del records
    for name in REQUIRED_COLUMNS:
        rows[name] = rows[name].str.strip()
    for position, reason in _impossible_values(rows):
        reasons.setdefault(position, reason)
    if reasons:
        rows.iloc[list(reasons)] = ""
    rows.insert(0, LINE, range(first_line, first_line + len(lines)))
    quarantine = [RejectedLine(first_line + at, reasons[at], lines[at]) for at in sorted(reasons)]
    return ParsedLines(rows, quarantine)


def _impossible_values(rows: pd.DataFrame) -> list[tuple[int, str]]:
    """Return (position, reason) of rows that lack a required value or have an impossible amount."""
    found = [
        (int(position), f"{name} is missing")
        for name in REQUIRED_COLUMNS
        for position in (rows[name] == "").to_numpy().nonzero()[0]
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
