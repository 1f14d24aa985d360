"""Percentiles of many small groups, computed from all values."""

import numpy as np

from spark_jobs.kernel.percentile_ranks import Floats, Integers, between, ranks


def sorted_percentile(q: float, values: Floats, sizes: Integers) -> Floats:
    """Return the percentile `q` (0 to 100, linear interpolation) of each group, NaN for empty ones.

    Groups of similar size are sorted together as rows of a matrix: a numpy call per group costs more than sorting.

    Args:
        values: of all groups, one after the other; NaN is no value, shape (sum of sizes,).
        sizes: values of each group, shape (m,).
    """
    result = np.full(len(sizes), np.nan)
    starts = np.cumsum(sizes) - sizes
    # By powers of two, so that no row is padded to more than twice its length.
    _, doublings = np.frexp(sizes)
    for like in np.unique(doublings):
        at = np.flatnonzero(doublings == like)
        columns = np.arange(sizes[at].max())
        is_value = columns < sizes[at, None]
        rows = np.full(is_value.shape, np.nan)
        rows[is_value] = values[(starts[at, None] + columns)[is_value]]
        # NaN sorts last.
        rows.sort(axis=1)
        total = np.count_nonzero(rows == rows, axis=1)
        of_some, rows = at[total > 0], rows[total > 0]
        held = ranks(total[total > 0], q)
        low, high = (np.take_along_axis(rows, rank[:, None], axis=1)[:, 0] for rank in (held.lower, held.upper))
        result[of_some] = between(low, high, held.part)
    return result
