"""Pairs as an array of structures, so that reading a pair costs one cache miss."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.columns import KNOWN_GENDERS
from spark_jobs.kernel.growing_array import GrowingArray

# `merchant` is a code, `name` the position of the customer's name in words, `length` its bytes, `reported` a bitmask of
# patterns, `gender` a position in `GENDERS`.
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
# A gender's code is its position; "" stands for all others.
GENDERS = pa.array(["", *KNOWN_GENDERS], pa.string())
FEMALE, MALE = 1, 2
_WORDS = PAIR.itemsize // 8

Pairs = NDArray[Any]


class PairArray:
    """Pairs by row, stored as words: numpy copies structures field by field, five times slower."""

    def __init__(self) -> None:
        self._words = GrowingArray(np.uint64, _WORDS)

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._words)

    @property
    def values(self) -> Pairs:
        """All pairs, for access by field; invalid after the next `append`."""
        return _pairs(self._words.values)

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Return a copy of the pairs in `rows`."""
        return _pairs(self._words.values.take(rows, axis=0))

    def put(self, rows: NDArray[Any], pairs: Pairs) -> None:
        """Replace the pairs in `rows`."""
        self._words.values[rows] = _words(pairs)

    def append(self, pairs: Pairs) -> None:
        """Append pairs."""
        self._words.append(_words(pairs))

    def reserve(self, size: int) -> None:
        """Reserve room for `size` pairs in total."""
        self._words.reserve(size)


def gender_codes(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Return the code of each gender; null, too, is coded as ""."""
    codes: NDArray[np.uint8] = pc.index_in(column, GENDERS).fill_null(0).combine_chunks().to_numpy().astype(np.uint8)
    return codes


def _pairs(words: NDArray[Any]) -> Pairs:
    return words.view(PAIR)[:, 0]


def _words(pairs: Pairs) -> NDArray[Any]:
    return pairs.view(np.uint64).reshape(len(pairs), _WORDS)
