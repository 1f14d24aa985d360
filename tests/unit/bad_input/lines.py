"""Kinds of lines, in a file with the columns `customer, gender, merchant, category, amount, weight`."""

from dataclasses import dataclass

from tests.unit.bad_input.outcomes import Lands, Quarantined

COLUMNS = b"customer,gender,merchant,category,amount,weight"


@dataclass(frozen=True)
class Line:
    """A kind of line, without its newline, its outcome, and the quotes of the lines before it."""

    kind: str
    raw: bytes
    becomes: Lands | Quarantined
    file_quotes: str = ""


def _customer(kind: str, customer: str) -> Line:
    return Line(kind, f"{customer},F,M1,food,1,1".encode(), Lands(customer))


def _amount(kind: str, amount: str, becomes: int | str) -> Line:
    outcome = Lands(paise=becomes) if isinstance(becomes, int) else Quarantined(becomes)
    return Line(kind, f"C1,F,M1,food,{amount},1".encode(), outcome)


def _weight(kind: str, weight: str, weighted: bool) -> Line:
    return Line(kind, f"C1,F,M1,food,1,{weight}".encode(), Lands(weighted=weighted))


_QUOTES = (
    Line("no quotes", b"C1,F,M1,food,1,1", Lands()),
    Line("single quotes", b"'C1','F','M1','food','1','1'", Lands()),
    Line("double quotes", b'"C1","F","M1","food","1","1"', Lands()),
    Line("some fields in quotes", b"'C1',F,'M1',food,1,1", Lands()),
    Line("a quote inside quotes, doubled", b"'O''Hara',F,M1,food,1,1", Lands("O'Hara")),
    Line("a double quote inside quotes, doubled", b'"C ""1""",F,M1,food,1,1', Lands('C "1"')),
    Line("single quotes inside double quotes", b"\"Rock,'n',Roll\",F,M1,food,1,1", Lands("Rock,'n',Roll")),
    Line("double quotes inside single quotes", b"'Rock,\"n\",Roll',F,M1,food,1,1", Lands('Rock,"n",Roll')),
    Line("an apostrophe inside a value", b"O'Hara,F,M1,food,1,1", Lands("O'Hara")),
    Line("a double quote inside a value", b'C"1,F,M1,food,1,1', Lands('C"1')),
    Line("a separator inside quotes", b"'C,1',F,'M,1',food,1,1", Lands("C,1", merchant="M,1")),
    Line("an apostrophe before a name", b"'t Winkeltje,F,M1,food,1,1", Lands("'t Winkeltje")),
    Line("an apostrophe before a number", b"'0012345,F,M1,food,1,1", Lands("'0012345")),
    Line(
        "apostrophes before two names",
        b"'t Winkeltje,F,'s-Hertogenbosch,food,1,1",
        Lands("'t Winkeltje", merchant="'s-Hertogenbosch"),
    ),
    Line("an apostrophe after a name", b"Jones',F,M1,food,1,1", Lands("Jones'")),
    Line("text after a closing apostrophe", b"'C'1,F,M1,food,1,1", Lands("'C'1")),
    Line("an unclosed double quote", b'"C1,F,M1,food,1,1', Quarantined("quotes do not match")),
    Line("text after a closing quote", b'"C"1,F,M1,food,1,1', Quarantined("quotes do not match")),
    Line(
        "fields in both kinds of quotes", b"'C1',\"F\",M1,food,1,1", Quarantined("quotes do not match: fields in both")
    ),
    Line("an unclosed single quote", b"'C1,F,M1,food,1,1", Quarantined("quotes do not match"), "'"),
    Line("text after a closing quote", b"'C'1,F,M1,food,1,1", Quarantined("quotes do not match"), "'"),
    Line("double quotes", b'"C1","F","M1","food","1","1"', Lands(), "'"),
    Line("single quotes inside double quotes", b"\"Rock,'n',Roll\",F,M1,food,1,1", Lands("Rock,'n',Roll"), "'"),
    Line("double quotes inside single quotes", b"'Rock,\"n\",Roll','F',M1,food,1,1", Lands('Rock,"n",Roll'), "'"),
    Line("fields in both kinds of quotes", b"'C1',\"F\",M1,food,1,1", Quarantined("quotes do not match: fields"), "'"),
    Line("an apostrophe before a name", b"'t Winkeltje,F,M1,food,1,1", Lands("'t Winkeltje"), '"'),
    Line("apostrophes around a name", b"'C1',F,M1,food,1,1", Lands("'C1'"), '"'),
    Line("apostrophes inside double quotes", b'"\'C1\'","F",M1,food,1,1', Lands("'C1'"), '"'),
    Line("apostrophes around a name, the next in quotes", b"'C1',\"F\",M1,food,1,1", Lands("'C1'"), '"'),
)

_BLANKS = (
    Line("spaces around values, which are removed", b" C1 , F ,  M1,food , 1 , 1 ", Lands()),
    Line("spaces inside quotes, which are removed", b"' C1','F ',M1,food,1,1", Lands()),
    Line("spaces before quotes", b"'C1', 'F', 'M1', 'food', 1, 1", Lands(), "'"),
    Line("spaces before double quotes", b'"C1", "F", "M1", "food", 1, 1', Lands()),
    Line("a space after a closing quote", b'"C1" ,F,M1,food,1,1', Quarantined("quotes do not match")),
    Line("tabs and no-break spaces around values", "\u00a0C1\u00a0,\tF,M1,food,1,1".encode(), Lands()),
)

_FIELDS = (
    Line("a field too few", b"C1,F,M1,food,1", Quarantined("5 fields, the header has 6")),
    Line("a field too many", b"C1,F,M1,food,1,1,x", Quarantined("7 fields, the header has 6")),
    Line("a decimal comma, which is a separator", b"C1,F,M1,food,1,50,1", Quarantined("7 fields, the header has 6")),
    Line("an empty line", b"", Quarantined("0 fields, the header has 6")),
    Line("a line of spaces", b"   ", Quarantined("1 fields, the header has 6")),
    Line("semicolons between fields", b"C1;F;M1;food;1;1", Quarantined("1 fields, the header has 6")),
    Line("tabs between fields", b"C1\tF\tM1\tfood\t1\t1", Quarantined("1 fields, the header has 6")),
    Line("a comment", b"# exported on Monday", Quarantined("1 fields, the header has 6")),
    Line("JSON", b'{"customer": "C1", "amount": 1}', Quarantined("quotes do not match")),
    Line("the header repeated", COLUMNS, Quarantined("amount 'amount' is not a finite number")),
    Line("no customer", b",F,M1,food,1,1", Quarantined("customer is missing")),
    Line("no customer, in quotes", b"'',F,M1,food,1,1", Quarantined("customer is missing")),
    Line("a customer of spaces", b"  ,F,M1,food,1,1", Quarantined("customer is missing")),
    Line("no gender", b"C1,,M1,food,1,1", Quarantined("gender is missing")),
    Line("no merchant", b"C1,F,,food,1,1", Quarantined("merchant is missing")),
    Line("no category", b"C1,F,M1,,1,1", Quarantined("category is missing")),
    Line("no amount", b"C1,F,M1,food,,1", Quarantined("amount is missing")),
)

_BYTES = (
    Line("a carriage return before the newline", b"C1,F,M1,food,1,1\r", Lands()),
    Line("a carriage return inside the line", b"C1,F,M1\r,food,1,1", Quarantined("a NUL byte or carriage return")),
    Line("two carriage returns at the end", b"C1,F,M1,food,1,1\r\r", Quarantined("a NUL byte or carriage return")),
    Line("a NUL byte", b"C1\0,F,M1,food,1,1", Quarantined("a NUL byte or carriage return")),
    Line("a byte order mark before a line", b"\xef\xbb\xbfC1,F,M1,food,1,1", Lands("\ufeffC1")),
    Line("Latin-1", "José,F,M1,food,1,1".encode("latin-1"), Quarantined("not UTF-8")),
    Line("UTF-16", "C1,F,M1,food,1,1".encode("utf-16"), Quarantined("not UTF-8")),
    Line("UTF-8 cut in the middle of a character", b"Jos\xc3,F,M1,food,1,1", Quarantined("not UTF-8")),
    Line("an overlong UTF-8 form", b"C\xc0\xaf1,F,M1,food,1,1", Quarantined("not UTF-8")),
    Line("a surrogate in UTF-8", b"C\xed\xa0\x801,F,M1,food,1,1", Quarantined("not UTF-8")),
    Line("gzip bytes", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x4b", Quarantined("not UTF-8")),
)

_IDS = (
    _customer("a non-ASCII id", "Zoë-顾客-ग्राहक"),
    _customer("an id outside the basic plane", "C😀1"),
    _customer("a right-to-left id", "عميل-أ"),
    _customer("an id that changes the text direction", "C\u202e1\u202c"),
    _customer("an id with an invisible character", "C\u200b1"),
    _customer("an accent as a combining character", "Zoe\u0308"),
    _customer("an id with Unicode line separators", "C\u20281\u00852"),
    _customer("an id with a vertical tab and a form feed", "C\v1\f2"),
    Line("a space inside an id, a different id", b"C 1,F,M1,food,1,1", Lands("C 1")),
    _customer("an id of 100,000 characters", "C" * 100_000),
    Line(
        "a field of more than 131,072 characters", b"C" * 131_073 + b",F,M1,food,1,1", Quarantined("a field is longer")
    ),
    Line("more than 1,000,000 commas", b"C1,F,M1,food,1" + b"," * 1_000_000, Quarantined("more than 1000000 commas")),
    Line("a line of 10 MB", b"C" * 10_000_000 + b",F,M1,food,1,1", Quarantined("a field is longer than 131072")),
    _customer("a formula with =", "=cmd|' /C calc'!A0"),
    _customer("a formula with +", "+SUM(1)"),
    _customer("a formula with -", "-1+1"),
    _customer("a formula with @", "@SUM(1)"),
    Line("a formula after a tab, which is removed", b"\t=1+1,F,M1,food,1,1", Lands("=1+1")),
    _customer("an id that other tools read as missing", "NA"),
    _customer("the id null", "null"),
    _customer("the id NaN", "NaN"),
    _customer("an id with leading zeros", "007"),
    _customer("an id that looks like a number", "1e5"),
    _customer("markup", "<script>alert(1)</script>"),
    _customer("SQL", "C1; DROP TABLE pairs --"),
    _customer("a path", "../../etc/passwd"),
    _customer("backslashes", "C\\n1\\"),
    _customer("percent signs and braces", "%s{0}%00"),
    Line("an unknown gender", b"C1,X,M1,food,1,1", Lands(gender="X")),
    Line("a lower-case gender, which counts as neither", b"C1,f,M1,food,1,1", Lands(gender="f")),
)

_AMOUNTS = (
    _amount("zero", "0", 0),
    _amount("minus zero", "-0", 0),
    _amount("no digit before the point", ".5", 50),
    _amount("no digit after the point", "5.", 500),
    _amount("an exponent", "1e2", 10_000),
    _amount("spaces around the amount", " 4.55 ", 455),
    _amount("half a paisa, rounded to even", "0.005", 0),
    _amount("half a paisa, to even, although its binary form is less", "1.015", 102),
    _amount("half a paisa, to even, although its binary form is more", "2.675", 268),
    _amount("almost half a paisa", "0.00499999999999999999999999999999999999", 0),
    _amount("hardly more than half a paisa", "0.00500000000000000000000000000000000001", 1),
    _amount("half a paisa of the largest amounts", "9999999999.985", 999_999_999_998),
    _amount("below the smallest number", "1e-400", 0),
    _amount("400 digits after the point", "1." + "3" * 400, 133),
    _amount("leading zeros", "000012.5", 1250),
    _amount("the largest amount", "1e10", 10**12),
    _amount("above the largest amount", "10000000000.01", "amount 10000000000.01 is above 10000000000"),
    _amount("1e308", "1e308", "amount 1e308 is above 10000000000"),
    _amount("1e400", "1e400", "amount '1e400' is not a finite number"),
    _amount("NaN", "NaN", "amount 'NaN' is not a finite number"),
    _amount("Infinity", "Infinity", "amount 'Infinity' is not a finite number"),
    _amount("minus infinity", "-inf", "amount '-inf' is not a finite number"),
    _amount("negative", "-0.01", "amount -0.01 is negative"),
    _amount("a word", "free", "amount 'free' is not a finite number"),
    _amount("a plus sign", "+5", "amount '+5' is not a finite number"),
    _amount("a currency sign", "₹5", "amount '₹5' is not a finite number"),
    _amount("thousands separated by underscores", "1_000", "amount '1_000' is not a finite number"),
    _amount("thousands separated by spaces", "1 000", "amount '1 000' is not a finite number"),
    _amount("thousands separated by commas, in quotes", "'1,000.50'", "amount '1,000.50' is not a finite number"),
    _amount("hexadecimal", "0x1F", "amount '0x1F' is not a finite number"),
    _amount("digits of another script", "١٢", "amount '١٢' is not a finite number"),
    _amount("a formula", "=1+1", "amount '=1+1' is not a finite number"),
)

_WEIGHTS = (
    _weight("a negative weight", "-2.5", weighted=True),
    _weight("no weight", "", weighted=False),
    _weight("a weight that is a word", "heavy", weighted=False),
    _weight("an infinite weight", "inf", weighted=False),
    _weight("a weight of 1e308", "1e308", weighted=False),
)

# Closes no quote, so that no record can go on; goes to quarantine.
NO_RECORD = b"x'x\"x"

LINES = (*_QUOTES, *_BLANKS, *_FIELDS, *_BYTES, *_IDS, *_AMOUNTS, *_WEIGHTS)


def kinds_in_one_file(quotes: str) -> tuple[list[Line], list[bytes]]:
    """Return the kinds of lines in a file of these quotes, and the lines of such a file, which has others, too."""
    kinds = [line for line in LINES if line.file_quotes == quotes]
    # The first lines of the file show its quotes; in an undecided one, they have none for 64 KiB.
    first = good_line(0, quotes) if quotes else b"x" * 70_000
    return kinds, [first, NO_RECORD, *(raw for line in kinds for raw in (line.raw, NO_RECORD))]


def good_line(number: int, quotes: str) -> bytes:
    """Return a transaction of customer `G<number>` at `GM`, all values in these quotes."""
    return ",".join(f"{quotes}{value}{quotes}" for value in (f"G{number}", "F", "GM", "food", "1", "1")).encode()
