from typing import Any

import pyarrow as pa
import pytest

from pattern_page.merchants import SORTABLE, latest_rows, sorted_page, thin_history, with_detections
from spark_jobs.patterns.detections import detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import with_columns
from tests.unit.pattern_page.rows import detection


def merchant(name: str, line: int, transactions: int = 1, weight: float | None = 1.0) -> dict[str, Any]:
    numbers = {"transactions": transactions, "female_customers": 1, "male_customers": 2, "customers": 3}
    return {"merchant": name, "line": line, "transactions_percentile": 1.5, "weight_percentile": weight, **numbers}


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=MERCHANTS_SCHEMA)


def test_the_row_with_the_greatest_line_counts_over_all_reads() -> None:
    first = latest_rows(table(merchant("M2", 10), merchant("M1", 10, 1), merchant("M1", 30, 3), merchant("M1", 20, 2)))
    rows = latest_rows(first, table(merchant("M2", 40, 4)))
    assert sorted((row["merchant"], row["line"], row["transactions"]) for row in rows.to_pylist()) == [
        ("M1", 30, 3),
        ("M2", 40, 4),
    ]
    assert latest_rows(MERCHANTS_SCHEMA.empty_table()).num_rows == 0


MERCHANTS = with_detections(
    table(merchant("M1", 1, 5), merchant("M2", 1, 9, weight=None), merchant("M3", 1, 5, weight=0.5)),
    detection_rows([detection(0, merchant="M3"), detection(1, merchant="M3"), detection(2, merchant="M2")]),
)


@pytest.mark.parametrize(
    ("column", "descending", "names"),
    [
        ("merchant", False, ["M1", "M2", "M3"]),
        ("transactions", True, ["M2", "M1", "M3"]),
        ("transactions", False, ["M1", "M3", "M2"]),
        ("detections", True, ["M3", "M2", "M1"]),
        ("weight_percentile", True, ["M1", "M3", "M2"]),
        ("weight_percentile", False, ["M3", "M1", "M2"]),
    ],
)
def test_merchants_are_sorted_with_nulls_last(column: str, descending: bool, names: list[str]) -> None:
    page = sorted_page(MERCHANTS, "", column, descending=descending, offset=0, limit=10)
    assert [row["merchant"] for row in page["rows"]] == names


@pytest.mark.parametrize("column", SORTABLE)
def test_pages_of_every_order_have_each_merchant_once(column: str) -> None:
    pages = [sorted_page(MERCHANTS, "m", column, descending=True, offset=at, limit=1) for at in range(4)]
    assert sorted(row["merchant"] for page in pages for row in page["rows"]) == ["M1", "M2", "M3"]
    assert {page["total"] for page in pages} == {3}


def test_a_long_history_is_thinned_and_keeps_its_ends() -> None:
    rows = thin_history(table(*(merchant("M1", line, line) for line in range(1000, 0, -1))))
    assert len(rows) <= 200
    assert (rows[0]["line"], rows[-1]["line"]) == (1, 1000)
    assert thin_history(MERCHANTS_SCHEMA.empty_table()) == []


def test_rows_of_an_earlier_detector_lack_what_it_did_not_write() -> None:
    rows = with_columns(table(merchant("M1", 1)).drop_columns(["customers"]), MERCHANTS_SCHEMA)
    assert latest_rows(rows).to_pylist()[0]["customers"] is None
