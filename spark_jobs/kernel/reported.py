"""Bitmasks of reported patterns: at most 16 patterns, two bytes per pair."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spark_jobs.errors import StateError

Bits = NDArray[np.uint16]

MAX_PATTERNS = 16
_SEPARATOR = ","


class PatternBits:
    """The bit of each pattern id, assigned in order of first appearance."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def bit(self, pattern_id: str) -> np.uint16:
        """Return the bit of a pattern.

        Raises:
            StateError: all bits are taken.
        """
        if pattern_id not in self._ids:
            if len(self._ids) == MAX_PATTERNS:
                msg = f"pattern {pattern_id}: the state has room for {MAX_PATTERNS} patterns; widen `reported`"
                raise StateError(msg)
            self._ids.append(pattern_id)
        return np.uint16(1 << self._ids.index(pattern_id))

    def format(self, bits: Bits) -> pa.Array:
        """Return bitmasks as text: ids separated by commas, null for none."""
        if not bits.any():
            return pa.nulls(len(bits), pa.string())
        distinct, which = np.unique(bits, return_inverse=True)
        texts = [self._text(int(mask)) or None for mask in distinct]
        return pa.array(texts, pa.string()).take(pa.array(which))

    def parse(self, column: pa.ChunkedArray) -> Bits:
        """Parse what `format` returns."""
        encoded = column.combine_chunks().dictionary_encode()
        masks = [self._mask(text) for text in encoded.dictionary.to_pylist()]
        # Null takes the last position.
        which = encoded.indices.fill_null(len(masks)).to_numpy()
        bits: Bits = np.array([*masks, 0], dtype=np.uint16)[which]
        return bits

    def _text(self, mask: int) -> str:
        return _SEPARATOR.join(sorted(name for at, name in enumerate(self._ids) if mask >> at & 1))

    def _mask(self, text: str) -> int:
        return int(np.bitwise_or.reduce([self.bit(name) for name in text.split(_SEPARATOR)]))
