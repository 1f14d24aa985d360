"""The weights of an importance file, beside a state."""

import numpy as np
import pyarrow as pa
import pytest

from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA
from spark_jobs.lake.importance import parse_importance, weigher

FILE = b"Source,Target,Weight,typeTrans\nC1,M1,2,food\nC1,M1,5,travel\nC2,M1,7,food\n"


def sums_of(*rows: tuple[str, str]) -> pa.Table:
    """Return the sums of three transactions for each customer and category."""
    values = [
        (*("M1", customer, category), 3, 100, 0, 3, number, "F") for number, (customer, category) in enumerate(rows)
    ]
    return pa.table([list(column) for column in zip(*values, strict=True)], schema=SUMS_SCHEMA)


@pytest.mark.parametrize("customer_row", [0, 5])
def test_a_weight_is_that_of_the_category_whichever_the_pair_had_before(customer_row: int) -> None:
    weigh = weigher(parse_importance(FILE, "i.csv"))
    assert weigh
    pairs = np.array([customer_row, customer_row, customer_row + 1, customer_row + 2])
    for _ in range(2):
        rows = weigh(sums_of(("C1", "food"), ("C1", "travel"), ("C2", "books"), ("C3", "food")), pairs)
        # C2 has a weight for another category only, which is that of the pair; C3 has none.
        assert rows.column("weight_units").to_pylist() == [60_000, 150_000, 210_000, 0]
        assert rows.column("weighted_transactions").to_pylist() == [3, 3, 3, 0]
    rows = weigh(sums_of(("C1", "books")), np.array([customer_row]))
    assert rows.column("weight_units").to_pylist() == [105_000]
