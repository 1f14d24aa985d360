from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.kernel.fixed_point import MAX_WEIGHT, to_paise, to_weight_units

_texts = st.from_regex(r"\A-?(?:[0-9]{1,10}(?:\.[0-9]{0,25})?|\.[0-9]{1,25})(?:[eE][+-]?[0-9]{1,2})?\Z")
# A half of a unit, exactly or nearly.
_halves = st.builds(
    "{}{}.{:0>{}}5{}{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 9_999_999_999),
    st.integers(0, 9),
    st.integers(1, 5),
    st.sampled_from(["", "0", "0" * 60]),
    st.sampled_from(["", "1"]),
)


def exact(text: str, units: int) -> int:
    product = Context(prec=100_000).multiply(Decimal(text), Decimal(units))
    return int(product.to_integral_value(ROUND_HALF_EVEN))


@given(st.lists(st.one_of(_halves, _texts.filter(lambda text: abs(float(text)) <= MAX_WEIGHT)), min_size=1))
@example(["1.015", "0.575", "2.675", "0.005", "-1.015", "9999999999.985"])
@example([" 0.00005\t", "+0.00015"])
@example(["0.025" + "0" * 100])
@example(["0." + "0" * 5000 + "5e4999"])
def test_decimal_text_is_rounded_as_decimal(texts: list[str]) -> None:
    values = np.array([float(text) for text in texts])
    for column in (pa.array(texts), pa.chunked_array([texts[:1], texts[1:]], pa.string())):
        assert to_paise(column, values).tolist() == [exact(text.strip(), 100) for text in texts]
        assert to_weight_units(column, values).tolist() == [exact(text.strip(), 10_000) for text in texts]


@pytest.mark.parametrize("weight", [None, "0.00035"])
def test_sums_of_a_chunk_are_those_of_its_decimal_texts(weight: str | None) -> None:
    amounts = ["1.015", "0.575", "0.00015"]
    columns = {
        "line": [0, 1, 2],
        **dict.fromkeys(("customer", "gender", "merchant", "category"), ["x"] * 3),
        "amount": amounts,
        **({"weight": [weight] * 3} if weight else {}),
    }
    chunk = pa.table(columns, schema=pa.schema([(name, CHUNK_COLUMNS[name]) for name in columns]))
    (row,) = sum_chunk(chunk, 3).rows.to_pylist()
    assert row["amount_paise"] == 102 + 58 + 0
    assert row["weight_units"] == (12 if weight else 10_150 + 5_750 + 2)
