"""CSV line by line, for the master file and the importance file.

A record is one line; one that spans several because of a newline in quotes is bad as a whole.
"""

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Sequence

from spark_jobs.lake.csv_quotes import DOUBLE, SINGLE, Quoting, line_quote, multi_line_records

# The header must end within this many bytes, and they show the quotes of the file.
HEADER_BYTES = 65_536
# The csv module's limit; no id, name or amount is as long.
MAX_FIELD = 131_072
# A line with more is not split: each of its fields would be an object. No header has as many columns.
MAX_COMMAS = 1_000_000
# Lines are split so many bytes at a time, so that one bad line neither slows nor fattens the splitting of all others.
_BATCH_BYTES = 1 << 20
# What Excel writes and reads before a header, and nothing else understands.
_EXCEL_LINE = re.compile(rb"\"?sep=.?\"?", re.IGNORECASE)
_BLANK_BEFORE_QUOTE = re.compile(r"(?:^|,) +[\"']", re.MULTILINE)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def split_header(raw: bytes) -> list[str]:
    """Return the column names of a header line, without a byte order mark and blanks around names.

    Raises:
        ValueError: undecodable, an empty name, or a duplicate; the message says which.
    """
    line = raw.removesuffix(b"\r").removeprefix(codecs.BOM_UTF8)
    if _EXCEL_LINE.fullmatch(line):
        msg = (
            f"the first line is {line.decode()!r}, a setting for Excel; delete this line, and separate fields by commas"
        )
        raise ValueError(msg)
    # In UTF-16, every second byte of ASCII text is 0.
    is_wide = len(raw) > 1 and not (raw[::2].strip(b"\0") and raw[1::2].strip(b"\0"))
    if is_wide or raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        msg = "the header is not CSV text in UTF-8 but in UTF-16; save the file as UTF-8"
        raise ValueError(msg)
    try:
        text = line.decode()
        if "\0" in text:
            raise UnicodeError("NUL byte")
        names = [name.strip() for name in _split_line(text, None)]
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


def verify_columns(raw: bytes, names: Collection[str], required: Collection[str]) -> None:
    """Verify that a header line, split into `names`, has all required columns.

    Raises:
        ValueError: it has not; the message says which, and the most likely cause.
    """
    missing = [name for name in required if name not in names]
    if not missing:
        return
    header = raw[:200].decode("utf-8", "replace")
    for separator, called in _SEPARATORS.items():
        parts = {part.strip("\"' \ufeff\r") for part in header.split(separator)}
        if len(parts & set(required)) > len(required) - len(missing):
            msg = f"the fields of the header {header!r} are separated by {called}; write the file with commas"
            raise ValueError(msg)
    others = {name.lower(): name for name in names if name not in required}
    renamed = [f"{others[name.lower()]} to {name}" for name in missing if name.lower() in others]
    remedy = f"rename {', '.join(renamed)}" if len(renamed) == len(missing) else "add it"
    msg = f"no column {', '.join(missing)} in the header {header!r}; {remedy}"
    raise ValueError(msg)


def split_lines(
    lines: list[bytes], width: int, first_line: int, quoting: Quoting
) -> tuple[list[list[str] | None], dict[int, str]]:
    """Return the fields of each line, None for a bad one, and the reasons by position.

    Args:
        lines: consecutive lines without their line ends; the first begins a record, the last ends one.
        width: the number of columns.
        first_line: the line of the first.
        quoting: the quotes of the file.
    """
    split: list[list[str] | None] = []
    reasons: dict[int, str] = {}
    for batch in _batches(lines):
        records = _split_block(batch, width, quoting.at(first_line + len(split)))
        if records is not None:
            split += records
            continue
        for line in batch:
            record, reason = _split_or_reason(line, width, quoting.at(first_line + len(split)))
            if reason:
                reasons[len(split)] = reason
            split.append(record)
    for span in multi_line_records(lines, sorted(reasons), first_line, quoting):
        for number, position in enumerate(span, 1):
            split[position] = None
            reasons[position] = f"a newline in quotes: line {number} of the {len(span)} lines of one record"
    return split, reasons


def _batches(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield all lines in batches of about `_BATCH_BYTES`; a longer line is a batch of its own."""
    start = size = 0
    for at, line in enumerate(lines):
        if at > start and size + len(line) > _BATCH_BYTES:
            yield lines[start:at]
            start, size = at, 0
        size += len(line)
    if lines:
        yield lines[start:]


def _split_block(lines: Sequence[bytes], width: int, mark: str | None) -> list[list[str]] | None:
    """Split lines all at once; return None unless each is a record with `width` fields in the same kind of quotes."""
    try:
        block = b"\n".join(lines).decode()
        if "\0" in block or "\r" in block or block.count(",") > MAX_COMMAS:
            return None
        if (' "' in block or " '" in block) and _BLANK_BEFORE_QUOTE.search(block):
            return None
        if mark == SINGLE and '"' in block:
            return None
        if mark is None and (block.startswith("'") or ",'" in block or "\n'" in block):
            return None
        records = list(csv.reader(block.split("\n"), quotechar=mark or DOUBLE, strict=True))
    except (UnicodeError, csv.Error):
        return None
    # An unclosed quote absorbs the next line: fewer records than lines.
    is_regular = len(records) == len(lines) and all(len(record) == width for record in records)
    return records if is_regular else None


def _split_or_reason(line: bytes, width: int, mark: str | None) -> tuple[list[str] | None, str]:
    commas = line.count(b",")
    if commas > MAX_COMMAS:
        return None, f"more than {MAX_COMMAS} commas"
    try:
        text = line.decode()
    except UnicodeError as error:
        return None, f"not UTF-8: {error}"
    if "\0" in text or "\r" in text:
        return None, "a NUL byte or carriage return inside the line"
    if commas >= width and "'" not in text and '"' not in text:
        return None, f"{commas + 1} fields, the header has {width}"
    try:
        record = _split_line(text, mark)
    except csv.Error as error:
        if "field limit" in str(error):
            return None, f"a field is longer than {MAX_FIELD} characters"
        return None, f"quotes do not match: {error}"
    if len(record) != width:
        return None, f"{len(record)} fields, the header has {width}"
    return record, ""


def _split_line(text: str, mark: str | None) -> list[str]:
    """Split one line, in a file whose quotes are `mark`."""
    quote = line_quote(text.encode(), mark)
    # Blanks before a quote are not part of the value.
    has_blanks = f" {quote}" in text and _BLANK_BEFORE_QUOTE.search(text) is not None
    return next(csv.reader([text], quotechar=quote, strict=True, skipinitialspace=has_blanks), [])
