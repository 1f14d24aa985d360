"""Kinds of importance files."""

import gzip
from dataclasses import dataclass

from spark_jobs.errors import ImportanceError
from tests.unit.bad_input.outcomes import Stops, Weighs

HEADER = b"Source,Target,Weight,typeTrans,fraud\n"
ROW = b"C1,M1,2,food,0\n"


@dataclass(frozen=True)
class ImportanceFile:
    """A kind of importance file (None: no file) and its outcome for `C1` at `M1` for `food`."""

    kind: str
    data: bytes | None
    becomes: Weighs | Stops


def _stops(kind: str, data: bytes | None, said: str) -> ImportanceFile:
    return ImportanceFile(kind, data, Stops(ImportanceError, said))


def _row(kind: str, row: bytes, said: str) -> ImportanceFile:
    return _stops(kind, HEADER + ROW + row + b"\n", f"line 3: {said}")


_BAD_VALUE = "a key is empty or the weight is not a finite number"

IMPORTANCE_FILES = (
    ImportanceFile("valid rows", HEADER + ROW, Weighs(20_000)),
    ImportanceFile("single quotes", HEADER + b"'C1','M1','2','food','0'\n", Weighs(20_000)),
    ImportanceFile("double quotes", b'"Source","Target","Weight","typeTrans"\n"C1","M1","2","food"\n', Weighs(20_000)),
    ImportanceFile("a byte order mark", b"\xef\xbb\xbf" + HEADER + ROW, Weighs(20_000)),
    ImportanceFile("carriage returns before newlines", (HEADER + ROW).replace(b"\n", b"\r\n"), Weighs(20_000)),
    ImportanceFile("no newline at the end", (HEADER + ROW)[:-1], Weighs(20_000)),
    ImportanceFile("a negative weight", HEADER + b"C1,M1,-2,food,0\n", Weighs(-20_000)),
    ImportanceFile("the same key twice; the mean", HEADER + ROW + b"C1,M1,5,food,0\n", Weighs(35_000)),
    ImportanceFile("another category only; the mean of the pair", HEADER + b"C1,M1,3,travel,0\n", Weighs(30_000)),
    ImportanceFile("another merchant only", HEADER + b"C1,M2,3,food,0\n", Weighs(None)),
    ImportanceFile("unknown customers only", HEADER + b"C7,M1,3,food,0\n", Weighs(None)),
    ImportanceFile("spaces around values", HEADER + b" C1, M1 , 3 ,food ,0\n", Weighs(30_000)),
    ImportanceFile("an apostrophe before another name", HEADER + ROW + b"'t Hof,M1,9,food,0\n", Weighs(20_000)),
    ImportanceFile("half a unit, rounded to even", HEADER + b"C1,M1,1.00005,food,0\n", Weighs(10_000)),
    ImportanceFile("half a unit, although its binary form is less", HEADER + b"C1,M1,1.00035,food,0\n", Weighs(10_004)),
    _stops("no file", None, "does not exist; upload the file, or omit --importance"),
    _stops("an empty file", b"", "line 1: there is no header, the line is empty"),
    _stops("a header only", HEADER, "contains no weights, so no pair could be upgraded"),
    _stops("no header", ROW, "line 1: no column Source, Target, typeTrans, Weight in the header"),
    _stops("a required column missing", HEADER.replace(b"Weight,", b"") + ROW, "line 1: no column Weight"),
    _stops("a duplicate column", b"Weight," + HEADER + b"9," + ROW, "line 1: column Weight occurs more than once"),
    _stops("semicolons between fields", (HEADER + ROW).replace(b",", b";"), "are separated by semicolons; write"),
    _stops("sep=, as the first line", b"sep=,\n" + HEADER + ROW, "line 1: the first line is 'sep=,', a setting for"),
    _stops("UTF-16", (HEADER + ROW).decode().encode("utf-16"), "line 1: the header is not CSV text in UTF-8 but"),
    _stops("carriage returns alone", (HEADER + ROW).replace(b"\n", b"\r"), "line 1: the header is not CSV text"),
    _stops("a lower-case column name", HEADER.lower() + ROW, "rename source to Source, target to Target"),
    _stops("gzip by mistake", gzip.compress(HEADER + ROW, mtime=0), "line 1: the header is not CSV text in UTF-8"),
    _row("a field too few", b"C1,M1,2,food", "4 fields, the header has 5"),
    _row("a field too many", b"C1,M1,2,food,0,1", "6 fields, the header has 5"),
    _row("an empty line", b"", "0 fields, the header has 5"),
    _row("an unclosed quote", b'"C1,M1,2,food,0', "quotes do not match"),
    _row("a newline in quotes", b'"C1\n",M1,2,food,0', "a newline in quotes: line 1 of the 2 lines of one record"),
    _row("undecodable bytes", b"C\xff,M1,2,food,0", "not UTF-8"),
    _row("a NUL byte", b"C\0,M1,2,food,0", "a NUL byte or carriage return inside the line"),
    _row("no customer", b",M1,2,food,0", _BAD_VALUE),
    _row("no category", b"C1,M1,2, ,0", _BAD_VALUE),
    _row("no weight", b"C1,M1,,food,0", _BAD_VALUE),
    _row("a weight that is a word", b"C1,M1,heavy,food,0", _BAD_VALUE),
    _row("NaN", b"C1,M1,NaN,food,0", _BAD_VALUE),
    _row("Infinity", b"C1,M1,Infinity,food,0", _BAD_VALUE),
    _row("1e308", b"C1,M1,1e308,food,0", _BAD_VALUE),
)
