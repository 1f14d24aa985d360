"""A one-dimensional array that grows at its end, by doubling."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class GrowingArray:
    """`values` is a view of what was appended so far; it is stale after the next `append`."""

    def __init__(self, dtype: DTypeLike) -> None:
        self._buffer: NDArray[Any] = np.zeros(16, dtype)
        self._size = 0

    @property
    def values(self) -> NDArray[Any]:
        """All values appended so far, writable."""
        return self._buffer[: self._size]

    def append(self, values: NDArray[Any]) -> None:
        """Append values at the end."""
        end = self._size + len(values)
        if end > len(self._buffer):
            grown = np.zeros(max(end, 2 * len(self._buffer)), self._buffer.dtype)
            grown[: self._size] = self.values
            self._buffer = grown
        self._buffer[self._size : end] = values
        self._size = end
