"""CSV line by line, for the master file and the importance file.

A record is one line; one that spans several because of a newline in quotes is bad as a whole.
"""

import codecs
import csv
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from spark_jobs.lake.csv_quotes import DOUBLE, SINGLE, Quoting, has_blank_before_quote, multi_line_records, split_line

# The csv module's limit; no id, name or amount is as long.
MAX_FIELD = 131_072
# A line with more is not split: each of its fields would be an object. No header has as many columns.
MAX_COMMAS = 1_000_000
# Lines are split so many bytes at a time, so that one bad line neither slows nor fattens the splitting of all others.
_BATCH_BYTES = 1 << 20


def split_lines(
    lines: list[bytes], names: Sequence[str], first_line: int, quoting: Quoting
) -> tuple[pa.Table, dict[int, str]]:
    """Return one row per line, its fields as text, and why lines are bad, by position; ignore the rows of those.

    Args:
        lines: consecutive lines without their line ends; the first begins a record, the last ends one.
        names: the columns.
        first_line: the line of the first.
        quoting: the quotes of the file.
    """
    tables = [_table([], names)]
    reasons: dict[int, str] = {}
    at = 0
    for batch in _batches(lines):
        block = _split_block(batch, names, quoting.at(first_line + at))
        if block is None:
            records: list[list[str] | None] = []
            for line in batch:
                record, reason = _split_or_reason(line, len(names), quoting.at(first_line + at + len(records)))
                if reason:
                    reasons[at + len(records)] = reason
                records.append(record)
            block = _table(records, names)
        tables.append(block)
        at += len(batch)
    for span in multi_line_records(lines, sorted(reasons), first_line, quoting):
        for number, position in enumerate(span, 1):
            reasons[position] = f"a newline in quotes: line {number} of the {len(span)} lines of one record"
    return pa.concat_tables(tables), reasons


def _batches(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield all lines in batches of at most `_BATCH_BYTES`; a longer line is a batch of its own."""
    sizes = [0, *accumulate(map(len, lines))]
    start = 0
    while start < len(lines):
        end = max(start + 1, bisect_right(sizes, sizes[start] + _BATCH_BYTES) - 1)
        yield lines[start:end]
        start = end


def _split_block(lines: Sequence[bytes], names: Sequence[str], mark: str | None) -> pa.Table | None:
    """Split lines all at once; return None unless each is a record with all fields in the same kind of quotes."""
    block = b"\n".join(lines)
    if b"\0" in block or b"\r" in block or block.count(b",") > MAX_COMMAS or has_blank_before_quote(block):
        return None
    if mark == SINGLE and b'"' in block:
        return None
    if mark is None and (block.startswith(b"'") or b",'" in block or b"\n'" in block):
        return None
    # Arrow would read an empty line as empty fields, and leave out a byte order mark.
    if 0 < min(map(len, lines)) <= max(map(len, lines)) <= MAX_FIELD and not block.startswith(codecs.BOM_UTF8):
        table = _split_simple(block, len(lines), names, mark or DOUBLE)
        if table:
            return table
    try:
        records = list(csv.reader(block.decode().split("\n"), quotechar=mark or DOUBLE, strict=True))
    except (UnicodeError, csv.Error):
        return None
    # An unclosed quote absorbs the next line: fewer records than lines.
    is_regular = len(records) == len(lines) and all(len(record) == len(names) for record in records)
    return _table(records, names) if is_regular else None


def _split_simple(block: bytes, lines: int, names: Sequence[str], quote: str) -> pa.Table | None:
    """Split lines without quotes or commas inside a field; return None if one has some.

    Nearly all lines are simple, and Arrow takes a fifth of the time of the csv module, whose fields are objects.
    """
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block + b"\n"),
            arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
            arrow_csv.ParseOptions(quote_char=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid:
        # Not UTF-8, or not as many fields as columns.
        return None
    columns = [_without_quotes(column, quote) for column in table.columns]
    if table.num_rows != lines or any(column is None for column in columns):
        return None
    return pa.table(columns, names)


def _without_quotes(column: pa.ChunkedArray, quote: str) -> pa.ChunkedArray | None:
    """Return fields without the quotes around them, or None if one has a quote elsewhere."""
    quotes = pc.count_substring(column, quote)
    if pc.max(quotes).as_py() == 0:
        return column
    has_both = pc.and_(pc.starts_with(column, quote), pc.ends_with(column, quote))
    is_simple = pc.or_(pc.equal(quotes, 0), pc.and_(pc.equal(quotes, 2), has_both))
    return pc.utf8_trim(column, quote) if pc.all(is_simple).as_py() else None


def _table(records: Sequence[Sequence[str] | None], names: Sequence[str]) -> pa.Table:
    blank = [""] * len(names)
    columns = zip(*(record or blank for record in records), strict=True) if records else [[] for _ in names]
    return pa.table([pa.array(column, pa.string()) for column in columns], names)


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
        record = split_line(text, mark)
    except csv.Error as error:
        if "field limit" in str(error):
            return None, f"a field is longer than {MAX_FIELD} characters"
        return None, f"quotes do not match: {error}"
    if len(record) != width:
        return None, f"{len(record)} fields, the header has {width}"
    return record, ""
