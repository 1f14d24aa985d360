"""Money in integer paise and weights in integer 1/10,000: sums are exact in any order."""

import numpy as np
from numpy.typing import NDArray

PAISE = 100
WEIGHT_UNITS = 10_000

# Sums of larger weights could overflow 64 bits.
MAX_WEIGHT = 1e10


def to_paise(rupees: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return amounts in paise, halves to even."""
    return np.rint(rupees * PAISE).astype(np.int64)


def to_weight_units(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return weights in 1/10,000, halves to even."""
    return np.rint(weights * WEIGHT_UNITS).astype(np.int64)
