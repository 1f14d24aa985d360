"""Lines of CSV, each by itself: the master file's and the importance file's.

Values stand in single quotes, in double quotes or in none; a line has one kind.
"""

import csv
import re

# What the csv module takes; an id, a name or an amount is never as long.
MAX_FIELD = 131_072
# Fields in the other quote than the line's.
_SINGLE_QUOTED = re.compile(r"(?:^|,)'[^']*'(?=,|$)")


def split_header(raw: bytes) -> list[str]:
    """Return the column names of a header line, a byte order mark and blanks around names left out.

    Raises:
        ValueError: undecodable, a column without a name, or a name twice; the text says which.
    """
    try:
        text = raw.removesuffix(b"\r").decode("utf-8-sig")
        if "\0" in text:
            raise UnicodeError("NUL byte")
        names = [name.strip() for name in _split_line(text)]
    except (UnicodeError, csv.Error) as error:
        msg = f"the header is not CSV text in UTF-8 ({error}); is this the right file?"
        raise ValueError(msg) from error
    if not names:
        msg = "there is no header, the line is empty; put one there"
        raise ValueError(msg)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        msg = f"column {', '.join(twice)} stands more than once; rename one of them"
        raise ValueError(msg)
    if "" in names:
        msg = f"column {names.index('') + 1} has no name; give it one"
        raise ValueError(msg)
    return names


def split_lines(lines: list[bytes], width: int) -> tuple[list[list[str] | None], dict[int, str]]:
    """Return the fields of each line, None for a bad one, and the reason by its position."""
    try:
        # All at once where all are well formed; one by one where any is not.
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
        if "field limit" in str(error):
            return None, f"a field is longer than {MAX_FIELD} characters"
        return None, f"quotes do not match: {error}"
    if len(record) != width:
        return None, f"{len(record)} fields, the header has {width}"
    return record, ""


def _split_line(text: str) -> list[str]:
    """Split one line; its quote is the one that a field starts with."""
    quote = "'"
    if text.startswith('"') or ',"' in text:
        quote = '"'
        if _SINGLE_QUOTED.search(text):
            msg = "fields in both kinds of quotes"
            raise csv.Error(msg)
    return next(csv.reader([text], quotechar=quote, strict=True), [])
