"""Quotes in CSV files: the kind that a file uses, and records that span several lines because of them.

Double quotes are quotes in every file, as in RFC 4180. Single quotes are quotes in a file that uses them as such, as
BankSim does; elsewhere they are characters like any other.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SINGLE, DOUBLE = "'", '"'

# A longer record is not one: a quote without an end must not absorb the rest of the file. No field may have more bytes.
MAX_RECORD_LINES = 100
MAX_RECORD_BYTES = 131_072

# A field in quotes up to its closing quote, which is left out.
_IN_DOUBLE = rb'"[^"]*(?:""[^"]*)*'
_IN_SINGLE = rb"'[^']*(?:''[^']*)*"
# A field that starts with a quote: in quotes as a whole, or up to its comma.
_FIELD = re.compile(rb"(?:\A|,) *(?:(%b\"|%b')(?=,|\Z)|([\"'][^,]*))" % (_IN_DOUBLE, _IN_SINGLE))
_BLANK_BEFORE_QUOTE = re.compile(rb"(?:^|,) +[\"']", re.MULTILINE)
_LINES_WITH_QUOTES = re.compile(rb"^(?:|.*?,) *[\"'].*\n", re.MULTILINE)


@dataclass(frozen=True)
class Quoting:
    """The quotes of a file.

    Attributes:
        mark: `SINGLE`, `DOUBLE`, or None in a file whose beginning does not show it: there, each line shows its own.
        first_line: from which line on `mark` holds; -1 is the header.
    """

    mark: str | None = None
    first_line: int = -1

    def at(self, line: int) -> str | None:
        """Return `mark` if it holds at `line`, else None."""
        return self.mark if line >= self.first_line else None


def find_quoting(head: bytes, width: int) -> Quoting:
    """Return the quotes that the first lines of a file show, its header included.

    The first line with `width` fields of which some are in quotes of one kind decides, for itself and the lines after
    it. So a line is read the same way however much of the file is there.

    Args:
        head: the file's first bytes, always equally many, or the whole file if it is shorter.
        width: the number of columns.
    """
    if b'"' not in head and b"'" not in head:
        return Quoting()
    for found in _LINES_WITH_QUOTES.finditer(head):
        line = found.group().removesuffix(b"\n").removesuffix(b"\r").removeprefix(codecs.BOM_UTF8)
        marks = {quote for quote, is_whole in _fields(line) if is_whole}
        if len(marks) == 1:
            mark = marks.pop()
            if _SYNTAX[mark].is_complete(line) and _width(line) == width:
                return Quoting(mark, head.count(b"\n", 0, found.start()) - 1)
    return Quoting()


def line_quote(line: bytes, mark: str | None) -> str:
    """Return the kind of quotes of a line of one record, in a file whose kind is `mark`.

    Raises:
        csv.Error: it has fields in both kinds.
    """
    if mark == DOUBLE:
        return DOUBLE
    fields = set(_fields(line))
    has_single = (SINGLE, True) in fields
    if (DOUBLE, True) in fields or (DOUBLE, False) in fields:
        if has_single:
            msg = "fields in both kinds of quotes"
            raise csv.Error(msg)
        return DOUBLE
    return SINGLE if has_single or mark == SINGLE else DOUBLE


def split_line(text: str, mark: str | None) -> list[str]:
    """Split a line of one record, in a file whose quotes are `mark`, into its fields; an empty line has none.

    Raises:
        csv.Error: its quotes do not match, or a field is too long.
    """
    line = text.encode()
    quote = line_quote(line, mark)
    # Blanks before a quote are not part of the value.
    has_blanks = f" {quote}" in text and has_blank_before_quote(line)
    return next(csv.reader([text], quotechar=quote, strict=True, skipinitialspace=has_blanks), [])


def has_blank_before_quote(lines: bytes) -> bool:
    """Return whether any field of the lines has blanks before its quote."""
    return (b' "' in lines or b" '" in lines) and _BLANK_BEFORE_QUOTE.search(lines) is not None


def opens_record(line: bytes, mark: str | None) -> bool:
    """Return whether a line ends in a field whose quote is not closed, so that a record may go on."""
    return (
        len(line) < MAX_RECORD_BYTES
        and (b'"' in line or b"'" in line)
        and _syntax(line, mark).open_quote(line) is not None
    )


def record_end(lines: Sequence[bytes], at: int, mark: str | None, bytes_after: float) -> int | None:
    """Return where the record that begins at `lines[at]` ends, or None if the lines after `lines` decide that.

    A quote that is not closed within `MAX_RECORD_LINES` and `MAX_RECORD_BYTES`, or closed in the middle of a field,
    makes no record: the line is then one of its own.

    Args:
        lines: consecutive lines without their line ends.
        at: the position of the first.
        mark: the kind of quotes that holds there.
        bytes_after: how many bytes are known to follow without finishing a line; infinity if no more lines matter.
    """
    line = lines[at]
    if not opens_record(line, mark):
        return at + 1
    syntax = _syntax(line, mark)
    used = 0
    quote = b""
    for position in range(at, min(len(lines), at + MAX_RECORD_LINES)):
        used += len(lines[position]) + 1
        if used > MAX_RECORD_BYTES:
            return at + 1
        # A line after the first is inside a field in quotes: as if that began here.
        text = quote + lines[position]
        opened = syntax.open_quote(text)
        if opened is None:
            return position + 1 if syntax.is_complete(text) else at + 1
        quote = opened
    is_undecided = len(lines) - at < MAX_RECORD_LINES and used + bytes_after <= MAX_RECORD_BYTES
    return None if is_undecided else at + 1


def whole_records(lines: Sequence[bytes], count: int, first_line: int, quoting: Quoting, bytes_after: float) -> int:
    """Return how many lines are whole records: `count`, more if a record goes on beyond, fewer if one is unfinished.

    Args:
        lines: consecutive lines without their line ends; the first begins a record.
        count: about how many are asked for, at most all.
        first_line: the line of the first.
        quoting: the quotes of the file.
        bytes_after: as for `record_end`.
    """
    at = 0
    while at < count:
        end = record_end(lines, at, quoting.at(first_line + at), bytes_after)
        if end is None:
            break
        at = end
    return at


def multi_line_records(
    lines: Sequence[bytes], bad: Iterable[int], first_line: int, quoting: Quoting
) -> Iterator[range]:
    """Yield the positions of each record of more than one line.

    Args:
        lines: consecutive lines without their line ends; the first begins a record, the last ends one.
        bad: the positions, in order, of lines that are not a record on their own; every first line of several is one.
        first_line: the line of the first.
        quoting: the quotes of the file.
    """
    end = 0
    for at in bad:
        if at >= end:
            end = record_end(lines, at, quoting.at(first_line + at), float("inf")) or at + 1
            if end > at + 1:
                yield range(at, end)


class _Syntax:
    """Lines in which the given characters are quotes."""

    def __init__(self, *in_quotes: bytes) -> None:
        marks = b"".join(text[:1] for text in in_quotes)
        whole = b"|".join(text + text[:1] for text in in_quotes)
        field = rb"(?: *(?:%b)|(?! *[%b])[^,]*)" % (whole, marks)
        self._complete = re.compile(rb"%b(?:,%b)*\Z" % (field, field))
        self._open = re.compile(rb"(?:%b,)* *(%b)\Z" % (field, b"|".join(in_quotes)))

    def is_complete(self, line: bytes) -> bool:
        """Return whether every quote is closed at the end of its field."""
        return self._complete.match(line) is not None

    def open_quote(self, line: bytes) -> bytes | None:
        """Return the quote of the last field if that is not closed, None if it is or an earlier one is malformed."""
        found = self._open.match(line)
        return found.group(1)[:1] if found else None


_SYNTAX = {SINGLE: _Syntax(_IN_DOUBLE, _IN_SINGLE), DOUBLE: _Syntax(_IN_DOUBLE)}


def _syntax(line: bytes, mark: str | None) -> _Syntax:
    try:
        return _SYNTAX[line_quote(line, mark)]
    except csv.Error:
        return _SYNTAX[SINGLE]


def _fields(line: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the quote of each field that starts with one, and whether the field is in quotes as a whole."""
    if b'"' not in line and b"'" not in line:
        return
    for found in _FIELD.finditer(line):
        yield (found.group(1) or found.group(2))[:1].decode(), found.group(1) is not None


def _width(line: bytes) -> int:
    """Return the number of fields of a line that is complete."""
    return _FIELD.sub(lambda found: b"," if found.group().startswith(b",") else b"", line).count(b",") + 1
