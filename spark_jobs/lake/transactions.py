"""Parsing lines of the master file into transactions, and into quarantine if they cannot be one."""

from dataclasses import dataclass

import pandas as pd

from spark_jobs.columns import KNOWN_GENDERS, LINE
from spark_jobs.lake.csv_lines import split_lines
from spark_jobs.lake.csv_quotes import Quoting
from spark_jobs.lake.header import REQUIRED_COLUMNS
from spark_jobs.lake.quarantine import RejectedLine

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


def parse_lines(lines: list[bytes], first_line: int, columns: tuple[str, ...], quoting: Quoting) -> ParsedLines:
    """Parse raw lines of whole records; a bad one does not raise, it goes to quarantine with the reason.

    The bytes of a bad line are shared, not copied, and it is decoded alone.
    """
    fields, reasons = split_lines(lines, columns, first_line, quoting)
    rows = fields.to_pandas().astype("str")
    # Frees the texts with blanks around them, column by column.
    del fields
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
