"""Names as 64-bit words, so that hashing, comparing and storing them needs no Python objects.

A name of n bytes takes ceil(n / 8) words, the last one padded with zeros; words and length identify the name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

# Masks that keep the first 0 to 8 bytes of a word.
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
# Multipliers of MurmurHash3's finalizer.
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class NameWords:
    """The names of a column.

    Attributes:
        lengths: bytes of each name, shape (n,).
        starts: position of each name's first word in `words`, shape (n,).
        words: of all names.
    """

    lengths: Integers
    starts: Integers
    words: Words

    def take(self, positions: Integers) -> "NameWords":
        """Return the names at `positions`."""
        lengths = self.lengths[positions].astype(np.int64)
        starts, total = _layout(lengths)
        words = np.zeros(total, dtype=np.uint64)
        for number, rows in _word_numbers(lengths):
            words[starts[rows] + number] = self.words[self.starts[positions[rows]] + number]
        return NameWords(lengths, starts, words)

    def hashes(self, seeds: NDArray[Any]) -> Words:
        """Return a hash of each name and its seed, shape (n,)."""
        result = (seeds.astype(np.uint64) << _SHIFT) ^ self.lengths.astype(np.uint64)
        result = _mixed(result * _MIX[1])
        for number, rows in _word_numbers(self.lengths):
            result[rows] = _mixed(result[rows] ^ self.words[self.starts[rows] + number])
        return result

    def equal(self, others: "NameWords", at: Integers) -> NDArray[np.bool_]:
        """Return elementwise whether the names equal those of `others` at positions `at`."""
        lengths = others.lengths[at]
        result: NDArray[np.bool_] = self.lengths == lengths
        if not result.all():
            same = np.flatnonzero(result)
            result[same] = NameWords(self.lengths[same], self.starts[same], self.words).equal(others, at[same])
            return result
        theirs = others.starts[at]
        for number, rows in _word_numbers(lengths):
            result[rows] &= self.words[self.starts[rows] + number] == others.words[theirs[rows] + number]
        return result

    def to_arrow(self) -> pa.Array:
        """Return the names as strings."""
        ends = np.cumsum(self.lengths)
        # Each byte has the same distance from its name's first byte in the text and in the words.
        shift = np.repeat(self.starts * 8 - (ends - self.lengths), self.lengths)
        text = self.words.view(np.uint8)[np.arange(len(shift)) + shift]
        offsets = np.append(0, ends).astype(np.int32)
        return pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def name_words(column: pa.Array | pa.ChunkedArray) -> NameWords:
    """Convert a string column without nulls, below 2 GB."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    _, offsets_buffer, text = array.buffers()
    count = len(array)
    offsets = np.frombuffer(offsets_buffer, np.int32, count + 1, array.offset * 4).astype(np.int64) if count else [0]
    first = np.asarray(offsets[:-1])
    lengths = np.diff(offsets)
    data = np.frombuffer(text, np.uint8) if text is not None else np.zeros(0, np.uint8)
    padded = np.append(data, np.zeros(8, np.uint8))
    # The eight bytes at any position, as one word.
    unaligned = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    starts, total = _layout(lengths)
    words = np.zeros(total, dtype=np.uint64)
    for number, rows in _word_numbers(lengths):
        left = np.minimum(lengths[rows] - 8 * number, 8)
        words[starts[rows] + number] = unaligned[first[rows] + 8 * number] & _KEPT[left]
    return NameWords(lengths, starts, words)


def _layout(lengths: Integers) -> tuple[Integers, int]:
    """Return the start of each name's words, and the number of all words."""
    counts = (lengths + 7) >> 3
    ends = np.cumsum(counts)
    return ends - counts, int(ends[-1]) if len(ends) else 0


def _word_numbers(lengths: NDArray[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each word number with the positions of the names that have this word, or a slice for all names."""
    if not len(lengths):
        return
    least, most = (int(length) + 7 >> 3 for length in (lengths.min(), lengths.max()))
    for number in range(most):
        yield number, slice(None) if number < least else np.flatnonzero(lengths > 8 * number)


def _mixed(values: Words) -> Words:
    values = values ^ (values >> _SHIFT)
    values *= _MIX[0]
    values ^= values >> _SHIFT
    return values
