"""Names as 64-bit words, so that they are hashed, compared and stored without a Python object for each.

A name of n bytes is ceil(n / 8) words, the last one filled up with zeros; with its length it is told from every other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

# The bytes of a word that belong to a name with so many bytes left, 0 to 8.
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
# Multipliers of the hash: from MurmurHash3's finaliser, whose bits are spread over the whole word.
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class NameWords:
    """The names of a column.

    Attributes:
        lengths: bytes of each name, shape (n,).
        starts: where the words of each begin in `words`, shape (n,).
        words: one name after the other.
    """

    lengths: Integers
    starts: Integers
    words: Words

    def take(self, positions: Integers) -> "NameWords":
        """Return the names at some positions."""
        lengths = self.lengths[positions].astype(np.int64)
        starts, total = _layout(lengths)
        words = np.zeros(total, dtype=np.uint64)
        for number, rows in _word_numbers(lengths):
            words[starts[rows] + number] = self.words[self.starts[positions[rows]] + number]
        return NameWords(lengths, starts, words)

    def hashes(self, seeds: NDArray[Any]) -> Words:
        """Return a hash of each name together with a number, shape (n,)."""
        result = (seeds.astype(np.uint64) << _SHIFT) ^ self.lengths.astype(np.uint64)
        result = _mixed(result * _MIX[1])
        for number, rows in _word_numbers(self.lengths):
            result[rows] = _mixed(result[rows] ^ self.words[self.starts[rows] + number])
        return result

    def equal(self, others: "NameWords", at: Integers) -> NDArray[np.bool_]:
        """Return whether the names are those of `others` at some positions, one by one."""
        lengths = others.lengths[at]
        result: NDArray[np.bool_] = self.lengths == lengths
        if not result.all():
            alike = np.flatnonzero(result)
            result[alike] = NameWords(self.lengths[alike], self.starts[alike], self.words).equal(others, at[alike])
            return result
        theirs = others.starts[at]
        for number, rows in _word_numbers(lengths):
            result[rows] &= self.words[self.starts[rows] + number] == others.words[theirs[rows] + number]
        return result

    def to_arrow(self) -> pa.Array:
        """Return the names as text."""
        ends = np.cumsum(self.lengths)
        # Byte i of the text lies as far behind the name's first byte as in the words.
        shift = np.repeat(self.starts * 8 - (ends - self.lengths), self.lengths)
        text = self.words.view(np.uint8)[np.arange(len(shift)) + shift]
        offsets = np.append(0, ends).astype(np.int32)
        return pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def name_words(column: pa.Array | pa.ChunkedArray) -> NameWords:
    """Read a column of text without nulls, below 2 GB."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    _, offsets_buffer, text = array.buffers()
    count = len(array)
    offsets = np.frombuffer(offsets_buffer, np.int32, count + 1, array.offset * 4).astype(np.int64) if count else [0]
    first = np.asarray(offsets[:-1])
    lengths = np.diff(offsets)
    data = np.frombuffer(text, np.uint8) if text is not None else np.zeros(0, np.uint8)
    padded = np.append(data, np.zeros(8, np.uint8))
    # Eight bytes from any place on, as one word.
    unaligned = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    starts, total = _layout(lengths)
    words = np.zeros(total, dtype=np.uint64)
    for number, rows in _word_numbers(lengths):
        left = np.minimum(lengths[rows] - 8 * number, 8)
        words[starts[rows] + number] = unaligned[first[rows] + 8 * number] & _KEPT[left]
    return NameWords(lengths, starts, words)


def _layout(lengths: Integers) -> tuple[Integers, int]:
    """Return where the words of names of these lengths begin, one after the other, and how many there are."""
    counts = (lengths + 7) >> 3
    ends = np.cumsum(counts)
    return ends - counts, int(ends[-1]) if len(ends) else 0


def _word_numbers(lengths: NDArray[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each word number with the positions of the names that have such a word, a slice for all of them."""
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
