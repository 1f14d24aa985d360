"""Kinds of master files, and of changes to one that is partly landed."""

from dataclasses import dataclass

from spark_jobs.errors import SourceHeaderError, SourceLineError, SourceMissingError, SourceRewrittenError
from tests.unit.bad_input.outcomes import Lines, Stops, Waits

HEADER = b"customer,gender,merchant,category,amount\n"
ROWS = b"".join(b"C%d,F,M1,food,%d.50\n" % (number, number) for number in range(4))
# Its first two lines are landed before a change.
LANDED = HEADER + ROWS
_CARRIAGE_RETURNS = "line 1: a carriage return without a newline, at byte"
_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + b"\xcb\xfe" * 400


@dataclass(frozen=True)
class File:
    """A kind of master file (None: no file) and its outcome."""

    kind: str
    data: bytes | None
    becomes: Lines | Waits | Stops


def _no_header(kind: str, data: bytes, said: str) -> File:
    return File(kind, data, Stops(SourceHeaderError, said))


FILES = (
    File("no file", None, Stops(SourceMissingError, "does not exist; upload the master file, or fix its address")),
    _no_header("an empty file", b"", "line 1: there is no header, the file is empty"),
    _no_header("an empty line first", b"\n" + LANDED, "line 1: there is no header, the line is empty; add one"),
    File("a header only", HEADER, Waits()),
    File("a header without a newline", HEADER[:-1], Waits()),
    _no_header("carriage returns alone as line endings", LANDED.replace(b"\n", b"\r"), _CARRIAGE_RETURNS),
    _no_header("carriage returns and nothing else", b"\r" * 1000, _CARRIAGE_RETURNS),
    _no_header("carriage returns alone in a long file", LANDED.replace(b"\n", b"\r") * 2000, _CARRIAGE_RETURNS),
    File(
        "carriage returns alone after a header with a newline",
        HEADER + ROWS.replace(b"\n", b"\r"),
        Stops(SourceLineError, "line 0: a carriage return without a newline, at byte 58; write the file with newlines"),
    ),
    File("half of a line ending at the end", HEADER + ROWS + b"C9,F,M1,food,1\r", Lines(4)),
    File("a header with half of its line ending", HEADER[:-1] + b"\r", Waits()),
    File("carriage returns before newlines", LANDED.replace(b"\n", b"\r\n"), Lines(4)),
    File("a byte order mark", b"\xef\xbb\xbf" + LANDED, Lines(4)),
    File("an empty line at the end", LANDED + b"\n", Lines(5, quarantined=1)),
    File("no newline at the end; the last line waits", LANDED[:-1], Lines(3)),
    File("spaces around column names", HEADER.replace(b",", b" , ") + ROWS, Lines(4)),
    File("column names in quotes", b"'customer','gender','merchant','category','amount'\n" + ROWS, Lines(4)),
    File("columns in another order", b"amount,customer,gender,merchant,category\n1,C1,F,M1,food\n", Lines(1)),
    File("additional columns", b"id," + HEADER + b"7,C1,F,M1,food,1\n", Lines(1)),
    File(
        "a newline in quotes; all lines of the record", HEADER + ROWS + b'"C9\nC9",F,M1,food,1\n' + ROWS, Lines(10, 2)
    ),
    File("a transaction inside quotes", HEADER + b'C1,F,M1,"food\nC9,M,M7,fake,99999\n",1\n' + ROWS, Lines(7, 3)),
    File("a newline in single quotes", HEADER + b"'C1',F,M1,'fo\nod',1\n" + ROWS, Lines(6, 2)),
    File("a quote that is never closed", HEADER + b'"C9,F,M1,food,1\n' + ROWS * 25, Lines(101, 1)),
    File("a quote closed in the middle of a later field", HEADER + b'"C9,F,M1,food,1\nC"1,F,M1,food,1\n', Lines(2, 1)),
    File("a quote that is not closed yet; the lines from it on wait", LANDED + b'"C9,F,M1,food,1\n' + ROWS, Lines(4)),
    File("only bad lines", HEADER + b"x\n" * 4, Lines(4, quarantined=4)),
    _no_header("no header", ROWS, "line 1: no column customer, gender, merchant, category, amount in the header"),
    _no_header("a required column missing", HEADER.replace(b"gender,", b"") + ROWS, "line 1: no column gender"),
    _no_header(
        "column names in capitals",
        HEADER.upper() + ROWS,
        "rename CUSTOMER to customer, GENDER to gender, MERCHANT to merchant, CATEGORY to category, AMOUNT to amount",
    ),
    _no_header("semicolons between fields", LANDED.replace(b",", b";"), "are separated by semicolons; write the file"),
    _no_header("tabs between fields", LANDED.replace(b",", b"\t"), "are separated by tabs; write the file with commas"),
    _no_header("vertical bars between fields", LANDED.replace(b",", b"|"), "are separated by vertical bars; write"),
    _no_header(
        "sep=, as the first line", b"sep=,\n" + LANDED, "line 1: the first line is 'sep=,', a setting for Excel"
    ),
    _no_header(
        "sep=; after a byte order mark",
        b"\xef\xbb\xbfsep=;\r\n" + LANDED.replace(b",", b";"),
        "line 1: the first line is 'sep=;', a setting for Excel; delete this line, and separate fields by commas",
    ),
    File("columns that differ in case", b"Amount," + HEADER + b"7,C1,F,M1,food,1\n", Lines(1)),
    _no_header("a duplicate column", b"amount," + LANDED, "line 1: column amount occurs more than once; rename one"),
    _no_header("a column without a name", HEADER[:-1] + b",\n" + ROWS, "line 1: column 6 has no name; name it"),
    _no_header("a column named line", b"line," + LANDED, "line 1: a column cannot be named 'line'"),
    _no_header("an unclosed quote in the header", b'"' + LANDED, "line 1: the header is not CSV text in UTF-8"),
    _no_header("an apostrophe before a column name", b"'" + LANDED, "line 1: no column customer in the header"),
    _no_header("UTF-16", LANDED.decode().encode("utf-16"), "line 1: the header is not CSV text in UTF-8 but in UTF-16"),
    _no_header("UTF-16 without a mark", LANDED.decode().encode("utf-16-le"), "in UTF-16; save the file as UTF-8"),
    _no_header("big-endian UTF-16", LANDED.decode().encode("utf-16-be"), "in UTF-16; save the file as UTF-8"),
    _no_header("NUL bytes in the header", LANDED.replace(b"gender", b"gen\0er"), "not CSV text in UTF-8 (NUL byte)"),
    _no_header("gzip by mistake", _GZIP + b"\n" + _GZIP, "line 1: the header is not CSV text in UTF-8"),
    _no_header("binary without a newline", b"PAR1" * 20_000, "no line ends within its first 65536 bytes"),
    File(
        "a line without an end",
        HEADER + b"x" * (65 << 20),
        Stops(SourceLineError, "line 0: no line ends within 64 MiB of byte 41; fix the file from there"),
    ),
)


def _rewritten(kind: str, data: bytes, said: str) -> File:
    return File(kind, data, Stops(SourceRewrittenError, said))


_CHANGED = "the part before byte 77 (line 2) changed after it was landed"

# Replacements of `LANDED`.
CHANGES = (
    File("grown", LANDED + b"C9,F,M1,food,9\n", Lines(3)),
    File("grown by half a line, which waits", LANDED + b"C9,F", Lines(2)),
    File("changed in a line not landed yet, and grown", LANDED.replace(b"C3", b"C33"), Lines(2)),
    File("grown by bad lines", LANDED + b"\xff\n\0\n", Lines(4, quarantined=2)),
    File("replaced by the same bytes, under another ETag", LANDED, Lines(2)),
    File("deleted", None, Stops(SourceMissingError, "does not exist")),
    _rewritten("truncated", LANDED[:-5], "shrank"),
    _rewritten("truncated to its header", HEADER, "shrank"),
    _rewritten("emptied", b"", "shrank"),
    _rewritten("rewritten in place", LANDED.replace(b"C1", b"C8"), _CHANGED),
    _rewritten("rewritten, and grown", LANDED.replace(b"C1", b"C8") + ROWS, _CHANGED),
    _rewritten("given a new first line", HEADER + b"C9,F,M1,food,9\n" + ROWS, _CHANGED),
    _rewritten("given another order of columns", b"gender,customer,merchant,category,amount\n" + ROWS + ROWS, _CHANGED),
    _rewritten("given carriage returns", LANDED.replace(b"\n", b"\r\n"), _CHANGED),
    _rewritten("given a byte order mark", b"\xef\xbb\xbf" + LANDED, _CHANGED),
    _rewritten("replaced by another file", HEADER + ROWS.replace(b"C", b"D") + ROWS, _CHANGED),
    _no_header("replaced by another kind of file", b"a,b\n" + b"1,2\n" * 99, "line 1: no column customer"),
    _no_header(
        "replaced by gzip",
        _GZIP,
        "line 1: there is no header, no line ends within its first",
    ),
)
