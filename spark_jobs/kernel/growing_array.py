"""An array that grows by an eighth when it is full, which bounds both unused memory and copying."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_GROWTH = 1.125


class GrowingArray:
    """An array to append to; the view `values` is invalid after the next `append`."""

    def __init__(self, dtype: DTypeLike, width: int = 0) -> None:
        """Create an empty array; with a `width`, each value is a row of `width` items."""
        self._row = (width,) if width else ()
        self._buffer: NDArray[Any] = np.zeros((4, *self._row), dtype)
        self._size = 0

    def __len__(self) -> int:
        """Return the number of values."""
        return self._size

    @property
    def values(self) -> NDArray[Any]:
        """All values, writable."""
        return self._buffer[: self._size]

    def append(self, values: NDArray[Any]) -> None:
        """Append values."""
        end = self._size + len(values)
        self.reserve(end)
        self._buffer[self._size : end] = values
        self._size = end

    def reserve(self, size: int) -> None:
        """Reserve room for `size` values in total."""
        if size > len(self._buffer):
            room = max(size, int(len(self._buffer) * _GROWTH) + 4)
            grown = np.zeros((room, *self._row), self._buffer.dtype)
            grown[: self._size] = self.values
            self._buffer = grown
