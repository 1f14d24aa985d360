"""An exact percentile of each merchant's values, kept while the values change.

Of each merchant only a band of its values is kept in order: those around the percentile, and how many lie below. A
value that changes moves in, out of or past the band. Where the percentile has left the band, or nothing is kept of a
merchant, its band is drawn anew from all its values; it is so wide that this comes once in several chunks at most,
whatever the data, and in hundreds where they are of one kind (docs/decisions/0006).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spark_jobs.core.percentile_ranks import Floats, Integers, Ranks, between, ranks

Keys = NDArray[np.complex128]

# Ranks that a band holds on each side of the percentile: in any case, and two for each value that the last chunk
# changed, more of these the more it costs to draw it anew: one for so many values.
_RANKS = 16
_VALUES_A_RANK = 200_000
# Changes of whole numbers are summed first where that takes so many cells at most.
_CELLS_A_CHANGE, _MOST_CELLS = 4, 1 << 20
# Values in all bands beyond which those of merchants that a chunk did not touch are dropped: 24 MB.
_MOST_KEPT = 1 << 20


class RunningPercentile:
    """The percentile `q` (0 to 100, linear interpolation) of the values of each merchant.

    Attributes:
        q: as handed in.
    """

    def __init__(self, q: float) -> None:
        self.q = q
        # All bands, in order: merchant and value as the two parts of a complex number, which numpy orders by the first
        # and then the second; and how many of the merchant's customers have that value.
        self._keys: Keys = np.zeros(0, dtype=np.complex128)
        self._counts: Integers = np.zeros(0, dtype=np.int64)
        # Of each merchant: the ends of its band, how many values lie below it, how many there are. An empty band
        # (from +inf to -inf) is none.
        self._low: Floats = np.zeros(0)
        self._high: Floats = np.zeros(0)
        self._below: Integers = np.zeros(0, dtype=np.int64)
        self._total: Integers = np.zeros(0, dtype=np.int64)

    def after(
        self,
        merchants: Integers,
        at: Integers,
        before: Floats,
        after: Floats,
        values_of: Callable[[int], Floats],
    ) -> Floats:
        """Take in how values changed; return the percentile of each of their merchants, NaN of nothing.

        Args:
            merchants: codes, in order, each once, shape (m,).
            at: the position in `merchants` of each value that changed, shape (p,).
            before, after: the value, NaN for none, shape (p,).
            values_of: all values of a merchant as they are now, without NaN, in no order.
        """
        if not len(merchants):
            return np.zeros(0)
        self._grow(int(merchants[-1]) + 1)
        self._change(merchants, at, before, after)
        bands = self._bands(merchants)
        missing = np.flatnonzero(~bands.hold_ranks)
        if len(missing):
            changed = np.bincount(at, minlength=len(merchants))
            self._draw(merchants, missing, changed[missing], values_of)
            bands = self._bands(merchants)
        low, high = (
            self._keys.imag[np.searchsorted(bands.sums[1:], (bands.shift + rank)[bands.some], side="right")]
            for rank in (bands.ranks.lower, bands.ranks.upper)
        )
        result = np.full(len(merchants), np.nan)
        result[bands.some] = between(low, high, bands.ranks.part[bands.some])
        return result

    def _bands(self, merchants: Integers) -> "_Bands":
        total, below = self._total[merchants], self._below[merchants]
        known = self._low[merchants] <= self._high[merchants]
        wanted = ranks(total, self.q)
        sums = np.append(0, np.cumsum(self._counts))
        starts, ends = (sums[at] for at in self._extents(merchants))
        holds = known & ((total == 0) | (below <= wanted.lower) & (wanted.upper < below + ends - starts))
        return _Bands(sums, starts - below, wanted, np.flatnonzero(total > 0), holds)

    def _extents(self, merchants: Integers) -> tuple[Integers, Integers]:
        infinite = np.full(len(merchants), np.inf)
        return (
            np.searchsorted(self._keys, _keys(merchants, -infinite), side="left"),
            np.searchsorted(self._keys, _keys(merchants, infinite), side="right"),
        )

    def _change(self, merchants: Integers, at: Integers, before: Floats, after: Floats) -> None:
        differ = before != after
        if not differ.all():
            at, before, after = at[differ], before[differ], after[differ]
        low, high = self._low[merchants][at], self._high[merchants][at]
        total, below = (np.zeros(len(merchants), dtype=np.int64) for _ in range(2))
        events = []
        for values, sign in ((before, -1), (after, 1)):
            # NaN compares false, and so does everything with an empty band.
            is_below = (values < low) & (low <= high)
            total += sign * np.bincount(at, weights=values == values, minlength=len(merchants)).astype(np.int64)
            below += sign * np.bincount(at, weights=is_below, minlength=len(merchants)).astype(np.int64)
            within = np.flatnonzero((values >= low) & (values <= high))
            events.append((at[within], values[within], np.full(len(within), sign)))
        self._total[merchants] += total
        self._below[merchants] += below
        position, values, signs = (np.concatenate(pair) for pair in zip(*events, strict=True))
        self._apply(merchants, *_netted(position, values, signs))

    def _apply(self, merchants: Integers, position: Integers, values: Floats, changes: Integers) -> None:
        keys = _keys(merchants[position], values)
        at = np.searchsorted(self._keys, keys)
        held = at < len(self._keys)
        held[held] = self._keys[at[held]] == keys[held]
        np.add.at(self._counts, at[held], changes[held])
        # What is not held can only have come.
        self._merge(keys[~held], changes[~held])

    def _merge(self, keys: Keys, counts: Integers) -> None:
        """Put in keys that are not there, in order, and drop those that no value has any more."""
        if not len(keys):
            return
        kept = self._counts > 0
        old_keys, old_counts = self._keys[kept], self._counts[kept]
        at = np.searchsorted(old_keys, keys)
        self._keys, self._counts = np.insert(old_keys, at, keys), np.insert(old_counts, at, counts)

    def _draw(
        self, touched: Integers, missing: Integers, changed: Integers, values_of: Callable[[int], Floats]
    ) -> None:
        """Draw the bands of the touched merchants at positions `missing` anew, around their percentiles."""
        if len(self._keys) > _MOST_KEPT:
            self._drop(np.setdiff1d(np.flatnonzero(self._low <= self._high), touched))
        merchants = touched[missing]
        self._drop(merchants)
        drawn = [
            self._draw_one(merchant, values_of(merchant), count)
            for merchant, count in zip(merchants.tolist(), changed.tolist(), strict=True)
        ]
        self._merge(np.concatenate([keys for keys, _ in drawn]), np.concatenate([counts for _, counts in drawn]))

    def _draw_one(self, merchant: int, values: Floats, changed: int) -> tuple[Keys, Integers]:
        last = len(values) - 1
        width = _RANKS + changed * (2 + len(values) // _VALUES_A_RANK)
        rank = int(last * (self.q / 100))
        first_kept, last_kept = max(rank - width, 0), min(rank + 1 + width, last)
        low, high = -np.inf, np.inf
        if first_kept > 0 or last_kept < last:
            ordered = np.partition(values, [first_kept, last_kept])
            low = ordered[first_kept] if first_kept > 0 else low
            high = ordered[last_kept] if last_kept < last else high
            values = ordered
        band, counts = np.unique(values[(values >= low) & (values <= high)], return_counts=True)
        self._low[merchant], self._high[merchant] = low, high
        self._below[merchant], self._total[merchant] = np.count_nonzero(values < low), len(values)
        return _keys(np.full(len(band), merchant), band), counts

    def _drop(self, merchants: Integers) -> None:
        """Forget the bands of these merchants."""
        dropped = np.zeros(len(self._low), dtype=bool)
        dropped[merchants] = True
        kept = ~dropped[self._keys.real.astype(np.int64)]
        if not kept.all():
            self._keys, self._counts = self._keys[kept], self._counts[kept]
        self._low[merchants], self._high[merchants] = np.inf, -np.inf

    def _grow(self, merchants: int) -> None:
        new = merchants - len(self._total)
        if new > 0:
            self._low = np.append(self._low, np.full(new, np.inf))
            self._high = np.append(self._high, np.full(new, -np.inf))
            self._below = np.append(self._below, np.zeros(new, dtype=np.int64))
            self._total = np.append(self._total, np.zeros(new, dtype=np.int64))


def _netted(position: Integers, values: Floats, signs: Integers) -> tuple[Integers, Floats, Integers]:
    """Sum the changes of each (position, value), and return those that are not zero, in order."""
    if not len(values):
        return position, values, signs
    least = values.min()
    span = int(min(values.max() - least, _MOST_CELLS)) + 1
    cells = span * (int(position.max()) + 1)
    if cells <= _CELLS_A_CHANGE * len(values) and (values == np.floor(values)).all():
        # Whole numbers that lie close together need not be sorted.
        sums = np.bincount(position * span + (values - least).astype(np.int64), weights=signs)
        changed = np.flatnonzero(sums)
        return changed // span, changed % span + least, sums[changed].astype(np.int64)
    order = np.argsort(values)
    order = order[np.argsort(position[order].astype(_narrow(position)), kind="stable")]
    position, values = position[order], values[order]
    first = np.flatnonzero(np.append(True, (position[1:] != position[:-1]) | (values[1:] != values[:-1])))
    sums = np.add.reduceat(signs[order], first)
    first, sums = first[sums != 0], sums[sums != 0]
    return position[first], values[first], sums


def _narrow(position: Integers) -> type[np.uint16] | type[np.int64]:
    """Return a type that holds these: numpy sorts the short one by radix."""
    return np.uint16 if position.max() < 1 << 16 else np.int64


@dataclass(frozen=True)
class _Bands:
    """Of m merchants, where their percentiles lie in the bands.

    Attributes:
        sums: how many values the bands hold before each key, all merchants one after the other.
        shift: what is added to a rank in the merchant's values to get that among all values in bands, shape (m,).
        ranks: those of the percentile.
        some: positions of the merchants that have a value.
        hold_ranks: whether the band of each holds both ranks.
    """

    sums: Integers
    shift: Integers
    ranks: Ranks
    some: Integers
    hold_ranks: NDArray[np.bool_]


def _keys(merchants: Integers, values: Floats) -> Keys:
    keys = np.empty(len(values), dtype=np.complex128)
    keys.real, keys.imag = merchants, values
    return keys
