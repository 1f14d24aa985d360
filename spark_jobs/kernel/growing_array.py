"""An array that grows at its end, by an eighth: what lies unused is bounded, and so is how often it is copied."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_GROWTH = 1.125


class GrowingArray:
    """`values` is a view of what was appended so far; it is stale after the next `append`."""

    def __init__(self, dtype: DTypeLike, width: int = 0) -> None:
        """Begin empty; with a `width`, each value is a row of so many."""
        self._row = (width,) if width else ()
        self._buffer: NDArray[Any] = np.zeros((4, *self._row), dtype)
        self._size = 0

    def __len__(self) -> int:
        """Return how many values were appended."""
        return self._size

    @property
    def values(self) -> NDArray[Any]:
        """All values appended so far, writable."""
        return self._buffer[: self._size]

    def append(self, values: NDArray[Any]) -> None:
        """Append values at the end."""
        end = self._size + len(values)
        self.reserve(end)
        self._buffer[self._size : end] = values
        self._size = end

    def reserve(self, size: int) -> None:
        """Make room for `size` values in all."""
        if size > len(self._buffer):
            room = max(size, int(len(self._buffer) * _GROWTH) + 4)
            grown = np.zeros((room, *self._row), self._buffer.dtype)
            grown[: self._size] = self.values
            self._buffer = grown
