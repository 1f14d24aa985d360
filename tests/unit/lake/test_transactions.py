import pytest

from spark_jobs.lake.csv_quotes import Quoting
from spark_jobs.lake.header import parse_header
from spark_jobs.lake.transactions import parse_lines

COLUMNS = ("customer", "gender", "merchant", "category", "amount", "note")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"C1,F,M1,food,4.55,x", ["C1", "F", "M1", "food", "4.55", "x"]),
        (b"'C1','F','M1','food','4.55','x'", ["C1", "F", "M1", "food", "4.55", "x"]),
        (b'"C1","F","M1","food","4.55","x"', ["C1", "F", "M1", "food", "4.55", "x"]),
        (b"'C,1',F,M1,'a,b',4.55,", ["C,1", "F", "M1", "a,b", "4.55", ""]),
        (b"'O''Hara',F,M1,food, 4.55 ,O'Hara", ["O'Hara", "F", "M1", "food", "4.55", "O'Hara"]),
        ("مرحبا,F,M1,food,1e2,=cmd|x".encode(), ["مرحبا", "F", "M1", "food", "1e2", "=cmd|x"]),
    ],
)
def test_values_are_kept_without_their_quotes(line: bytes, values: list[str]) -> None:
    parsed = parse_lines([line], 7, COLUMNS, Quoting())
    assert parsed.rows.iloc[0].tolist() == [7, *values]
    assert parsed.quarantine == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "0 fields, the header has 6"),
        (b"C1,F,M1,food,1", "5 fields, the header has 6"),
        (b"C1,F,M1,food,1,x,y", "7 fields, the header has 6"),
        (b"C1,F,M1,food,1,\xff", "not UTF-8"),
        (b"C1,F,M1,food,1,\0", "a NUL byte"),
        (b"C1,F,M1,food,1,a\rb", "carriage return inside"),
        (b"'C1,F,M1,food,1,x", "quotes do not match"),
        (b"'C'1,F,M1,food,1,x", "quotes do not match"),
        (b",F,M1,food,1,x", "customer is missing"),
        (b"C1,'',M1,food,1,x", "gender is missing"),
        (b"C1,F, ,food,1,x", "merchant is missing"),
        (b"C1,F,M1,food,,x", "amount is missing"),
        (b"C1,F,M1,food,abc,x", "amount 'abc' is not a finite number"),
        (b"C1,F,M1,food,NaN,x", "amount 'NaN' is not a finite number"),
        (b"C1,F,M1,food,Infinity,x", "amount 'Infinity' is not a finite number"),
        (b"C1,F,M1,food,1e400,x", "amount '1e400' is not a finite number"),
        (b"C1,F,M1,food,1_0,x", "amount '1_0' is not a finite number"),
        (b"C1,F,M1,food,1e308,x", "amount 1e308 is above 10000000000"),
        (b"C1,F,M1,food,-0.01,x", "amount -0.01 is negative"),
    ],
)
def test_an_impossible_line_goes_to_quarantine_and_keeps_its_number(line: bytes, reason: str) -> None:
    good = b"C1,F,M1,food,1,x"
    parsed = parse_lines([good, line, good], 10, COLUMNS, Quoting("'"))
    assert parsed.rows["line"].tolist() == [10, 11, 12]
    assert parsed.rows["customer"].tolist() == ["C1", "", "C1"]
    (rejected,) = parsed.quarantine
    assert (rejected.line, rejected.raw) == (11, line)
    assert reason in rejected.reason


def test_byte_order_mark_and_carriage_return_are_not_part_of_the_header() -> None:
    assert parse_header(b"\xef\xbb\xbfcustomer,gender,merchant,category,amount\r", "t.csv")[0] == "customer"
