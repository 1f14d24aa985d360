"""The percentile is bit for bit that of all values, however they are added, changed and removed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spark_jobs.kernel import running_percentile
from spark_jobs.kernel.running_percentile import RunningPercentile

# A few close values, so that many are equal; or any values.
values = st.one_of(st.integers(0, 6).map(float), st.floats(-1e12, 1e12), st.just(float("nan")))
# The changes of a chunk: (merchant, customer, value).
chunks = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), values), max_size=40)


@pytest.fixture(params=["narrow bands", "bands as they are"])
def _width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "narrow bands":
        # Bands are rebuilt and dropped constantly.
        monkeypatch.setattr(running_percentile, "_RANKS", 0)
        monkeypatch.setattr(running_percentile, "_MAX_KEPT", 8)


@pytest.mark.usefixtures("_width")
@given(st.lists(chunks, max_size=12), st.sampled_from([0, 10, 33.3, 50, 90, 100]))
def test_equals_the_percentile_of_all_values_after_each_chunk(
    history: list[list[tuple[int, int, float]]], q: float
) -> None:
    running = RunningPercentile(q)
    held: dict[int, dict[int, float]] = {0: {}, 1: {}, 2: {}}
    for chunk in history:
        changes = {(merchant, customer): value for merchant, customer, value in chunk}
        merchants = np.array(sorted({merchant for merchant, _ in changes}), dtype=np.int64)
        at = np.searchsorted(merchants, [merchant for merchant, _ in changes]).astype(np.int64)
        before = np.array([held[merchant].get(customer, np.nan) for merchant, customer in changes])
        for (merchant, customer), value in changes.items():
            held[merchant][customer] = value

        def all_values(merchant: int) -> NDArray[np.float64]:
            found: NDArray[np.float64] = np.array(list(held[merchant].values()))
            return np.extract(~np.isnan(found), found)

        after = np.array(list(changes.values()))
        found = running.after(merchants, at, before, after, all_values)
        expected = [np.percentile(v, q) if len(v := all_values(merchant)) else np.nan for merchant in merchants]
        assert np.array_equal(found, expected, equal_nan=True)


def test_bands_are_rarely_rebuilt() -> None:
    random = np.random.default_rng(7)
    held = random.normal(size=100_000)
    running, rebuilt = RunningPercentile(10), 0

    def all_values(_: int) -> NDArray[np.float64]:
        nonlocal rebuilt
        rebuilt += 1
        return held

    for _ in range(300):
        changed = random.choice(len(held), 500, replace=False)
        before, held[changed] = held[changed], random.normal(size=500)
        found = running.after(np.array([0]), np.zeros(500, dtype=np.int64), before, held[changed], all_values)
        assert found[0] == np.percentile(held, 10)
    assert rebuilt <= 3
