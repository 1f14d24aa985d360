"""The state has each pair once under its exact name, for any names and hashes."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.errors import StateError
from spark_jobs.kernel import pair_array, reported
from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA
from spark_jobs.kernel.name_words import NameWords, name_words
from spark_jobs.kernel.pair_rows import all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import PairState

# Lengths around the eight bytes of a word, common prefixes, and multi-byte characters.
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


@pytest.mark.parametrize("hashes", ["spread", "equal"])
def test_totals_are_those_of_a_dictionary(hashes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if hashes == "equal":
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
        for held in (state, restore_state(all_pair_rows(state, 5))):
            rows = all_pair_rows(held, 5).to_pylist()
            assert [row["merchant"] for row in rows] == sorted(row["merchant"] for row in rows)
            assert {(row["merchant"], row["customer"]): row["transactions"] for row in rows} == expected
            assert len(held) == len(expected)

    totals_are_equal()


@given(st.lists(texts, max_size=20))
def test_names_are_preserved(names: list[str]) -> None:
    held = name_words(pa.array(["before", *names], pa.string()).slice(1))
    assert held.to_arrow().to_pylist() == names
    assert held.take(np.arange(len(names))[::-1]).to_arrow().to_pylist() == names[::-1]


def test_the_row_of_the_greatest_line_and_all_reported_patterns_are_restored() -> None:
    state = PairState()
    state.advance(sums([("M1", "C1", 1), ("M1", "C2", 1)]))
    early = all_pair_rows(state, 10)
    state.mark_reported(*(pa.chunked_array([column]) for column in (["PatId2", "PatId3"], ["M1", "M1"], ["C1", ""])))
    state.advance(sums([("M1", "C1", 4)]))
    late = all_pair_rows(state, 20).filter(pc.field("customer") == "C1")
    rows = all_pair_rows(restore_state(pa.concat_tables([late, early])), 20).sort_by("customer").to_pylist()
    assert [(row["customer"], row["transactions"], row["reported"], row["merchant_reported"]) for row in rows] == [
        ("C1", 5, "PatId2", "PatId3"),
        ("C2", 1, None, "PatId3"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "bits"), [("transactions", 1 << 32, 32), ("amount_paise", (1 << 63) - 1, 64)]
)
def test_an_overflowing_total_is_refused_by_name(column: str, value: int, bits: int) -> None:
    state = PairState()
    state.advance(sums([("M1", "C1", 1)]))
    with pytest.raises(StateError, match=f"the sum {column} of a pair exceeds {bits} bits"):
        state.advance(sums([("M1", "C1", 1)], **{column: [value]}))


def test_there_is_room_for_16_patterns() -> None:
    bits = reported.PatternBits()
    for number in range(16):
        bits.bit(f"PatId{number}")
    with pytest.raises(StateError, match="room for 16 patterns"):
        bits.bit("PatId16")


def test_a_pair_takes_40_bytes_beside_its_name() -> None:
    assert pair_array.PAIR.itemsize == 40
