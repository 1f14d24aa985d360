"""The state holds each pair once, under its very name, however names look and hashes fall."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.core import pair_array, reported
from spark_jobs.core.chunk_sums import SUMS_SCHEMA
from spark_jobs.core.errors import StateError
from spark_jobs.core.name_words import NameWords, name_words
from spark_jobs.core.pair_state import PairState

# Lengths around the eight bytes of a word, names that begin alike, and letters of several bytes.
texts = st.one_of(
    st.text(alphabet="ab", min_size=0, max_size=18), st.sampled_from(["é" * 9, "C1093826151", "C1093826152", "x" * 100])
)
pairs = st.lists(st.tuples(st.sampled_from(["M1", "M2", "été"]), texts, st.integers(1, 5)), max_size=60)


def sums(rows: list[tuple[str, str, int]], **columns: list[int]) -> pa.Table:
    count = [transactions for _, _, transactions in rows]
    values = {
        "merchant": [merchant for merchant, _, _ in rows],
        "customer": [customer for _, customer, _ in rows],
        "category": ["food"] * len(rows),
        **dict.fromkeys(("transactions", "amount_paise", "weight_units", "weighted_transactions"), count),
        "first_line": list(range(len(rows))),
        "gender": ["F"] * len(rows),
    }
    return pa.table(values | columns, schema=SUMS_SCHEMA)


@pytest.mark.parametrize("hashes", ["spread", "all the same"])
def test_totals_are_those_of_a_dictionary(hashes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if hashes == "all the same":
        monkeypatch.setattr(NameWords, "hashes", lambda _, seeds: np.zeros(len(seeds), dtype=np.uint64))

    @given(st.lists(pairs, max_size=5))
    def totals_are_equal(chunks: list[list[tuple[str, str, int]]]) -> None:
        state = PairState()
        expected: dict[tuple[str, str], int] = {}
        for chunk in chunks:
            advance = state.advance(sums(chunk))
            for merchant, customer, transactions in chunk:
                expected[merchant, customer] = expected.get((merchant, customer), 0) + transactions
            assert len(advance.rows) == len({(merchant, customer) for merchant, customer, _ in chunk})
        for held in (state, PairState.restore(state.all_rows(5))):
            rows = held.all_rows(5).to_pylist()
            assert [row["merchant"] for row in rows] == sorted(row["merchant"] for row in rows)
            assert {(row["merchant"], row["customer"]): row["transactions"] for row in rows} == expected
            assert len(held) == len(expected)

    totals_are_equal()


@given(st.lists(texts, max_size=20))
def test_names_come_back_as_they_were(names: list[str]) -> None:
    held = name_words(pa.array(["before", *names], pa.string()).slice(1))
    assert held.to_arrow().to_pylist() == names
    assert held.take(np.arange(len(names))[::-1]).to_arrow().to_pylist() == names[::-1]


def test_of_several_rows_of_a_pair_that_of_the_greatest_line_counts_and_all_that_was_reported() -> None:
    state = PairState()
    state.advance(sums([("M1", "C1", 1), ("M1", "C2", 1)]))
    early = state.all_rows(10)
    state.mark_reported(*(pa.chunked_array([column]) for column in (["PatId2", "PatId3"], ["M1", "M1"], ["C1", ""])))
    state.advance(sums([("M1", "C1", 4)]))
    late = state.all_rows(20).filter(pc.field("customer") == "C1")
    rows = PairState.restore(pa.concat_tables([late, early])).all_rows(20).sort_by("customer").to_pylist()
    assert [(row["customer"], row["transactions"], row["reported"], row["merchant_reported"]) for row in rows] == [
        ("C1", 5, "PatId2", "PatId3"),
        ("C2", 1, None, "PatId3"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "bits"), [("transactions", 1 << 32, 32), ("amount_paise", (1 << 63) - 1, 64)]
)
def test_a_total_that_does_not_fit_any_more_is_refused_by_name(column: str, value: int, bits: int) -> None:
    state = PairState()
    state.advance(sums([("M1", "C1", 1)]))
    with pytest.raises(StateError, match=f"the sum {column} of a pair does not fit {bits} bits"):
        state.advance(sums([("M1", "C1", 1)], **{column: [value]}))


def test_there_is_room_for_16_patterns() -> None:
    bits = reported.ReportedBits()
    for number in range(16):
        bits.bit(f"PatId{number}")
    with pytest.raises(StateError, match="room for 16 patterns"):
        bits.bit("PatId16")


def test_a_pair_takes_40_bytes_beside_its_name() -> None:
    assert pair_array.PAIR.itemsize == 40
