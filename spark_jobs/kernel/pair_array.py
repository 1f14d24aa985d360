"""Pairs side by side, so that one costs one cache miss, whatever is read of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spark_jobs.kernel.growing_array import GrowingArray

# `merchant` is a code, `name` the first word of the customer's name, `length` its bytes, `reported` bits of patterns.
PAIR = np.dtype(
    [
        ("amount_paise", np.int64),
        ("weight_units", np.int64),
        ("transactions", np.uint32),
        ("weighted_transactions", np.uint32),
        ("merchant", np.uint32),
        ("name", np.uint32),
        ("length", np.uint32),
        ("gender", np.uint8),
        ("reported", np.uint16),
    ],
    align=True,
)
_WORDS = PAIR.itemsize // 8

Pairs = NDArray[Any]


class PairArray:
    """Pairs by row. Kept as words: numpy copies structures field by field, five times slower."""

    def __init__(self) -> None:
        self._words = GrowingArray(np.uint64, _WORDS)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._words)

    @property
    def values(self) -> Pairs:
        """All pairs, for access by field; stale after the next `append`."""
        return _pairs(self._words.values)

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Return a copy of the pairs in some rows."""
        return _pairs(self._words.values.take(rows, axis=0))

    def put(self, rows: NDArray[Any], pairs: Pairs) -> None:
        """Replace the pairs in some rows."""
        self._words.values[rows] = _words(pairs)

    def append(self, pairs: Pairs) -> None:
        """Append pairs at the end."""
        self._words.append(_words(pairs))

    def reserve(self, size: int) -> None:
        """Make room for `size` pairs in all."""
        self._words.reserve(size)


def _pairs(words: NDArray[Any]) -> Pairs:
    return words.view(PAIR)[:, 0]


def _words(pairs: Pairs) -> NDArray[Any]:
    return pairs.view(np.uint64).reshape(len(pairs), _WORDS)
