"""Percentiles with linear interpolation, bit for bit as `numpy.percentile` computes them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ranks:
    """Where the percentiles of m groups lie among their sorted values; meaningless for empty groups.

    Attributes:
        lower, upper: the ranks around it, from 0, shape (m,).
        part: its position between them, from 0 to 1, shape (m,).
    """

    lower: Integers
    upper: Integers
    part: Floats


def ranks(total: Integers, q: float) -> Ranks:
    """Return the ranks of the percentile `q` (0 to 100) of groups with `total` values each."""
    virtual = (total - 1) * (q / 100)
    lower = np.floor(virtual).astype(np.int64)
    return Ranks(lower, np.minimum(lower + 1, total - 1), virtual - lower)


def between(low: Floats, high: Floats, part: Floats) -> Floats:
    """Interpolate linearly between the values at both ranks."""
    difference = high - low
    return np.where(part >= 0.5, high - difference * (1 - part), low + difference * part)


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
