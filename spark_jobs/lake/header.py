"""The master file's header, and its unfinished last line.

Apart from `spark_jobs.lake.transactions`, so that the sensor, a new process every 5 seconds, does not import pandas.
"""

from collections.abc import Sequence

from spark_jobs.columns import LINE
from spark_jobs.errors import SourceHeaderError, SourceLineError
from spark_jobs.lake.csv_header import split_header, verify_columns

REQUIRED_COLUMNS = ("customer", "gender", "merchant", "category", "amount")


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
