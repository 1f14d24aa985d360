"""Dictionary encoding of names: of merchants, of categories."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class NameCodes:
    """Integer codes of names, from 0 in order of first appearance."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._array = pa.array([], pa.string())

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self.names)

    def encode(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """Return the code of each name; new names get the next codes."""
        encoded = column.combine_chunks().dictionary_encode()
        names = encoded.dictionary.to_pylist()
        for name in names:
            if name not in self._codes:
                self._codes[name] = len(self.names)
                self.names.append(name)
        return self._in_rows(names, encoded.indices)

    def find(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """Return the code of each name, -1 for unknown ones."""
        encoded = column.combine_chunks().dictionary_encode()
        return self._in_rows(encoded.dictionary.to_pylist(), encoded.indices)

    def decode(self, codes: NDArray[Any]) -> pa.Array:
        """Return the name of each code."""
        if len(self._array) < len(self.names):
            self._array = pa.array(self.names, pa.string())
        return self._array.take(pa.array(codes))

    def _in_rows(self, names: list[str], indices: pa.Array) -> NDArray[np.int64]:
        codes = np.array([self._codes.get(name, -1) for name in names], dtype=np.int64)
        rows: NDArray[np.int64] = codes[indices.to_numpy()]
        return rows
