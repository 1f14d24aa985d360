"""CSV line by line, for the master file and the importance file.

Values are in single quotes, in double quotes or unquoted; each line uses one kind of quotes.
"""

import csv
import re

# The csv module's limit; no id, name or amount is as long.
MAX_FIELD = 131_072
# A field in single quotes, in a line that uses double quotes.
_SINGLE_QUOTED = re.compile(r"(?:^|,)'[^']*'(?=,|$)")


def split_header(raw: bytes) -> list[str]:
    """Return the column names of a header line, without a byte order mark and blanks around names.

    Raises:
        ValueError: undecodable, an empty name, or a duplicate; the message says which.
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
        msg = "there is no header, the line is empty; add one"
        raise ValueError(msg)
    duplicates = sorted({name for name in names if name and names.count(name) > 1})
    if duplicates:
        msg = f"column {', '.join(duplicates)} occurs more than once; rename one of them"
        raise ValueError(msg)
    if "" in names:
        msg = f"column {names.index('') + 1} has no name; name it"
        raise ValueError(msg)
    return names


def split_lines(lines: list[bytes], width: int) -> tuple[list[list[str] | None], dict[int, str]]:
    """Return the fields of each line, None for a bad one, and the reasons by position."""
    try:
        # All at once if all are well formed, else one by one.
        block = b"\n".join(lines).decode()
        if not any(mark in block for mark in ('"', "\0", "\r")):
            records = list(csv.reader(block.split("\n"), quotechar="'", strict=True))
            # An unclosed quote absorbs the next line: fewer records than lines.
            if len(records) == len(lines) and all(len(record) == width for record in records):
                return list(records), {}
    except (UnicodeError, csv.Error):
        pass  # the loop below finds the bad line and the reason
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
    """Split one line; its quote character is the one that a field starts with."""
    quote = "'"
    if text.startswith('"') or ',"' in text:
        quote = '"'
        if _SINGLE_QUOTED.search(text):
            msg = "fields in both kinds of quotes"
            raise csv.Error(msg)
    return next(csv.reader([text], quotechar=quote, strict=True), [])
