"""Between which ranks of ordered values a percentile lies, and how far: to the last bit as `numpy.percentile` does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ranks:
    """Of m groups of values: the percentile lies between two ranks, `part` of the way (of no values: nowhere).

    Attributes:
        lower, upper: ranks, from 0, shape (m,).
        part: from 0 to 1, shape (m,).
    """

    lower: Integers
    upper: Integers
    part: Floats


def ranks(total: Integers, q: float) -> Ranks:
    """Return the ranks of the percentile `q` (0 to 100) of groups that have so many values each."""
    virtual = (total - 1) * (q / 100)
    lower = np.floor(virtual).astype(np.int64)
    return Ranks(lower, np.minimum(lower + 1, total - 1), virtual - lower)


def between(low: Floats, high: Floats, part: Floats) -> Floats:
    """Interpolate between the values at both ranks."""
    difference = high - low
    return np.where(part >= 0.5, high - difference * (1 - part), low + difference * part)
