from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.kernel.percentile import sorted_percentile

values = st.one_of(st.integers(0, 6).map(float), st.floats(-1e12, 1e12), st.just(float("nan")))


@given(st.lists(st.lists(values, max_size=40), max_size=12), st.sampled_from([0, 10, 33.3, 50, 90, 100]))
def test_each_group_has_the_percentile_of_numpy(groups: list[list[float]], q: float) -> None:
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    found = sorted_percentile(q, np.array(list(chain.from_iterable(groups))), sizes)
    held = [np.extract(~np.isnan(group), group) for group in groups]
    expected = [np.percentile(group, q) if len(group) else np.nan for group in held]
    assert np.array_equal(found, expected, equal_nan=True)
