"""A hash table from pairs to rows, built on arrays.

A bucket is a cache line of eight slots; a full one overflows into the next. A slot contains half of the pair's hash and
its row + 1; 0 is an empty slot. Names are compared in full, so pairs with equal hashes stay distinct.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from spark_jobs.kernel.name_words import Integers, NameWords, Words

MAX_ROWS = (1 << 32) - 2

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_SLOTS = 8
# Load factors at which the table grows, and after growing.
_FULL, _AFTER_GROWTH = 0.75, 0.5


class PairIndex:
    """Rows by hash; the caller stores the pairs, compares them, and can hash all rows."""

    def __init__(self) -> None:
        self._buckets = np.zeros((8, _SLOTS), dtype=np.uint64)
        self._used = np.zeros(8, dtype=np.uint8)
        self._size = 0

    def find(self, hashes: Words, same: Callable[[Integers, Integers], NDArray[np.bool_]]) -> Integers:
        """Return the row of each pair, -1 for unknown ones.

        Args:
            hashes: of the pairs, shape (n,).
            same: from positions and rows, elementwise whether the pair at the position is the one in the row.
        """
        found = np.full(len(hashes), -1, dtype=np.int64)
        positions = np.arange(len(hashes))
        buckets = self._first_buckets(hashes)
        low = hashes.astype(np.uint32)
        while len(positions):
            held = self._buckets.take(buckets, axis=0)
            # A view of the upper halves of all slots.
            matches = np.flatnonzero(held.view("<u4")[:, 1::2] == low[:, None])
            rows = (held.reshape(-1)[matches] & _LOW).astype(np.int64) - 1
            matches //= _SLOTS
            # An empty slot looks like a match of hash 0.
            hits = np.flatnonzero(rows >= 0)
            hits = hits[same(positions[matches[hits]], rows[hits])]
            found[positions[matches[hits]]] = rows[hits]
            open_ = np.flatnonzero((held[:, -1] != 0) & (found[positions] < 0))
            positions, buckets, low = positions[open_], self._next(buckets[open_]), low[open_]
        return found

    def add(self, hashes: Words, rows: Integers, all_hashes: Callable[[], Iterator[tuple[Integers, Words]]]) -> None:
        """Add distinct pairs that are not in the table.

        Args:
            hashes: of the pairs, shape (n,).
            rows: of the pairs, shape (n,).
            all_hashes: yields rows and hashes of all earlier pairs; called if the table grows.
        """
        self._size += len(rows)
        if self._size > _FULL * self._buckets.size:
            self.reserve(self._size)
            for earlier, its_hashes in all_hashes():
                self._place(its_hashes, earlier)
        self._place(hashes, rows)

    def reserve(self, size: int) -> None:
        """Replace the table by an empty one with room for `size` pairs."""
        count = int(size / (_AFTER_GROWTH * _SLOTS)) + 8
        self._buckets, self._used = np.zeros((count, _SLOTS), dtype=np.uint64), np.zeros(count, dtype=np.uint8)

    def _place(self, hashes: Words, rows: Integers) -> None:
        values = (hashes & _LOW) << _HALF | (rows + 1).astype(np.uint64)
        buckets = self._first_buckets(hashes)
        while len(values):
            order = np.argsort(buckets, kind="stable")
            values, buckets = values[order], buckets[order]
            # Pairs of the same bucket take consecutive slots.
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


def distinct_pairs(merchants: Integers, names: NameWords, hashes: Words) -> tuple[Integers, Integers]:
    """Return the position of the first occurrence of each pair, and the number of its pair for each position."""
    order = np.argsort(hashes, kind="stable")
    repeated = _equals_previous(merchants, names, hashes, order)
    if (~repeated[1:] & (np.diff(hashes[order]) == 0)).any():
        # Different pairs with the same hash may alternate: rare enough for a slow sort.
        codes = names.to_arrow().dictionary_encode().indices.to_numpy()
        order = np.lexsort((codes, merchants))
        repeated = _equals_previous(merchants, names, hashes, order)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(~repeated) - 1
    return order[~repeated], group


def _equals_previous(merchants: Integers, names: NameWords, hashes: Words, order: Integers) -> NDArray[np.bool_]:
    """Return whether each pair, taken in `order`, equals the previous one."""
    repeated = np.zeros(len(order), dtype=bool)
    candidates = np.flatnonzero(np.diff(hashes[order]) == 0)
    left, right = order[candidates], order[candidates + 1]
    repeated[candidates + 1] = (merchants[left] == merchants[right]) & names.take(left).equal(names, right)
    return repeated
