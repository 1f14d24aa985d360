"""Ranks and interpolation of percentiles, bit for bit as `numpy.percentile` computes them."""

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
