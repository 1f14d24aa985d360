"""The CSV download, as spreadsheets of any locale open it."""
# ruff: noqa: RUF001 - full-width characters are attacks, too

import csv
import itertools
import re

import pytest

from pattern_page.csv_export import csv_pieces, escape_formula
from pattern_page.detection_table import Filter
from tests.unit.pattern_page.rows import detection
from tests.unit.pattern_page.test_detection_table import made

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
_COMMAND = "=cmd|' /C calc'!A0"


def cells(text: str) -> list[str]:
    """Return every cell that some spreadsheet could make of a file: any separator, with and without quotes."""
    found = []
    for separator in ",;\t|: ；，":
        for row in csv.reader(text.splitlines(), delimiter=separator):
            found += row
        for line in re.split(r"[\r\n\v\f\x85\u2028\u2029]", text):
            found += line.split(separator)
    return [cell.lstrip(' "\u200b\ufeff\xa0\u3000') for cell in found]


ATTACKS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1＋1", "＋1", "－1", "＠SUM(A1)"),
    *(
        f"C1{between}{_COMMAND};x"
        for between in (";", ",", "|", "\t", "\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028")
    ),
    *(
        f"C1{between}{_COMMAND}"
        for between in (" ", ";;", '";', ';"', ';""', "; ", ";\u200b", "；", "，", ";\xa0", ";\ufeff")
    ),
    *(f'{before}=1+1"' for before in ('"', '""', " ", '" ', "\x00", "\u200b", "\xa0", "\u3000", "\ufeff")),
    "=" * 5,
    ";".join(["=1"] * 5),
]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_cell_starts_a_formula_whatever_separates_cells(text: str) -> None:
    found = made(detection(0, merchant=text, customer=text, pattern=text, evidence={text: 1.0}))
    data = b"".join(csv_pieces([found.rows])).decode()
    assert [cell for cell in cells(data) if cell.startswith(_FORMULA)] == []


def test_only_the_starts_of_cells_are_changed() -> None:
    assert escape_formula("C1;=1+1") == "C1;'=1+1"
    assert escape_formula("a=b-c@d.e+1") == "a=b-c@d.e+1"
    assert escape_formula("M348934600") == "M348934600"
    assert escape_formula("") == ""


def test_a_long_id_is_escaped_in_one_pass() -> None:
    # With backtracking this would take hours.
    text = "\t; " * 500_000 + "x"
    assert escape_formula(text) == f"'{text}"


def test_a_download_has_every_row_with_its_evidence() -> None:
    found = made(*(detection(seq) for seq in range(1500)))
    rows = list(csv.reader(b"".join(csv_pieces(found.matching_pages(Filter()))).decode().splitlines()))
    assert (
        ",".join(rows[0]) == "seq,line,detectionTime,patternId,ActionType,customerName,MerchantId,evidence,thresholds"
    )
    assert [row[0] for row in rows[1:]] == [str(seq) for seq in range(1500)]
    assert rows[1][2:] == [
        *("2026-01-01T12:00:00+00:00", "PatId2", "CHILD", "C1", "M1"),
        *("transactions=90; mean_amount=12.5", "transactions=80; mean_amount=23"),
    ]


def test_the_pages_of_a_download_match_its_conditions() -> None:
    found = made(*(detection(seq, customer=f"C{seq}") for seq in range(2500)))
    pages = list(found.matching_pages(Filter(customer="c21")))
    assert list(itertools.chain.from_iterable(page["seq"].to_pylist() for page in pages)) == [
        seq for seq in range(2500) if str(seq)[:2] == "21"
    ]
