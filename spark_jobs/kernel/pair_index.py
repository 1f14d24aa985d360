"""Which row a pair stands in: a hash table over arrays.

Its buckets have eight slots, a cache line; a bucket that is full goes on in the next one. A slot is half of the pair's
hash, and its row + 1; 0 is an empty slot. The names themselves are compared, so two pairs with the same hash stay two.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from spark_jobs.kernel.name_words import Integers, Words

MOST_ROWS = (1 << 32) - 2

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_SLOTS = 8
# At most so full; then made anew, so full.
_FULL, _AFTER_GROWTH = 0.75, 0.5


class PairIndex:
    """Rows by hash; the caller keeps the pairs, compares them, and knows the hashes of all rows."""

    def __init__(self) -> None:
        self._buckets = np.zeros((8, _SLOTS), dtype=np.uint64)
        self._used = np.zeros(8, dtype=np.uint8)
        self._size = 0

    def find(self, hashes: Words, same: Callable[[Integers, Integers], NDArray[np.bool_]]) -> Integers:
        """Return the row of each pair, -1 where it has none.

        Args:
            hashes: of the pairs looked for, shape (n,).
            same: whether the pairs looked for at some positions are those in some rows, one by one.
        """
        found = np.full(len(hashes), -1, dtype=np.int64)
        positions = np.arange(len(hashes))
        buckets = self._first_buckets(hashes)
        low = hashes.astype(np.uint32)
        while len(positions):
            held = self._buckets.take(buckets, axis=0)
            # The upper halves of all slots, without a copy.
            alike = np.flatnonzero(held.view("<u4")[:, 1::2] == low[:, None])
            rows = (held.reshape(-1)[alike] & _LOW).astype(np.int64) - 1
            alike //= _SLOTS
            # An empty slot looks like one of hash 0.
            is_it = np.flatnonzero(rows >= 0)
            is_it = is_it[same(positions[alike[is_it]], rows[is_it])]
            found[positions[alike[is_it]]] = rows[is_it]
            going_on = np.flatnonzero((held[:, -1] != 0) & (found[positions] < 0))
            positions, buckets, low = positions[going_on], self._next(buckets[going_on]), low[going_on]
        return found

    def add(self, hashes: Words, rows: Integers, all_hashes: Callable[[], Iterator[tuple[Integers, Words]]]) -> None:
        """Add pairs that are not in it, each once.

        Args:
            hashes: of the pairs, shape (n,).
            rows: theirs.
            all_hashes: rows and hashes of all pairs before, some at a time; asked where the table grows.
        """
        self._size += len(rows)
        if self._size > _FULL * self._buckets.size:
            self.reserve(self._size)
            for earlier, its_hashes in all_hashes():
                self._place(its_hashes, earlier)
        self._place(hashes, rows)

    def reserve(self, size: int) -> None:
        """Make an empty table with room for `size` pairs."""
        count = int(size / (_AFTER_GROWTH * _SLOTS)) + 8
        self._buckets, self._used = np.zeros((count, _SLOTS), dtype=np.uint64), np.zeros(count, dtype=np.uint8)

    def _place(self, hashes: Words, rows: Integers) -> None:
        values = (hashes & _LOW) << _HALF | (rows + 1).astype(np.uint64)
        buckets = self._first_buckets(hashes)
        while len(values):
            order = np.argsort(buckets, kind="stable")
            values, buckets = values[order], buckets[order]
            # Of several for one bucket, each takes a slot after the other.
            starts = np.flatnonzero(np.append(True, buckets[1:] != buckets[:-1]))
            counts = np.diff(np.append(starts, len(buckets)))
            slots = self._used[buckets] + (np.arange(len(buckets)) - np.repeat(starts, counts))
            fits = slots < _SLOTS
            self._buckets[buckets[fits], slots[fits]] = values[fits]
            distinct = buckets[starts]
            self._used[distinct] = np.minimum(self._used[distinct] + counts, _SLOTS)
            values, buckets = values[~fits], self._next(buckets[~fits])

    def _first_buckets(self, hashes: Words) -> Integers:
        buckets: Integers = ((hashes >> _HALF) * np.uint64(len(self._buckets)) >> _HALF).astype(np.int64)
        return buckets

    def _next(self, buckets: Integers) -> Integers:
        buckets = buckets + 1
        buckets[buckets == len(self._buckets)] = 0
        return buckets
