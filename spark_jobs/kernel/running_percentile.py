"""Exact percentiles of each merchant's values, maintained while the values change.

For each merchant only a band of sorted values around the percentile is kept, and the number of values below it. Changed
values move into, out of or past the band. If the percentile leaves the band, or the merchant has none, the band is
rebuilt from all values. Its width makes that happen at most once in several chunks for any data, and once in hundreds
for stationary data (docs/decisions/0006).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spark_jobs.kernel.percentile import Floats, Integers, Ranks, between, ranks

Keys = NDArray[np.complex128]

# Ranks of a band on each side of the percentile: a minimum, and two for each value that the last chunk changed, plus
# one more per _VALUES_A_RANK values, because rebuilding from more values costs more.
_RANKS = 16
_VALUES_A_RANK = 200_000
# Limits of the dense array in which changes of whole numbers are summed.
_CELLS_A_CHANGE, _MAX_CELLS = 4, 1 << 20
# With more values in all bands (24 MB), the bands of untouched merchants are dropped.
_MAX_KEPT = 1 << 20


class RunningPercentile:
    """The percentile `q` (0 to 100, linear interpolation) of the values of each merchant.

    Attributes:
        q: the percentile.
    """

    def __init__(self, q: float) -> None:
        self.q = q
        # All bands: (merchant, value) as a complex number, which numpy sorts by real and then by imaginary part, and
        # how many of the merchant's customers have that value.
        self._keys: Keys = np.zeros(0, dtype=np.complex128)
        self._counts: Integers = np.zeros(0, dtype=np.int64)
        # For each merchant: the ends of its band (+inf and -inf without one), the number of values below it, and of all
        # values.
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
        divisor: Integers | None = None,
    ) -> Floats:
        """Apply changed values; return the percentile of each of their merchants, NaN without values.

        Args:
            merchants: sorted distinct codes, shape (m,).
            at: the position in `merchants` of each changed value, shape (p,).
            before, after: the values, NaN for none, shape (p,).
            values_of: returns all current values of a merchant, without NaN, in any order.
            divisor: the percentile is that of the values divided by this positive number of each merchant, shape (m,).
        """
        if not len(merchants):
            return np.zeros(0)
        self._grow(int(merchants[-1]) + 1)
        self._change(merchants, at, before, after)
        bands = self._bands(merchants)
        missing = np.flatnonzero(~bands.hold_ranks)
        if len(missing):
            changed = np.bincount(at, minlength=len(merchants))
            self._rebuild(merchants, missing, changed[missing], values_of)
            bands = self._bands(merchants)
        low, high = (
            self._keys.imag[np.searchsorted(bands.sums[1:], (bands.shift + rank)[bands.some], side="right")]
            for rank in (bands.ranks.lower, bands.ranks.upper)
        )
        if divisor is not None:
            # Before interpolating, so that the result is bit for bit that of the divided values.
            low, high = low / divisor[bands.some], high / divisor[bands.some]
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
            # Comparisons with NaN and with an empty band are false.
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
        known = at < len(self._keys)
        known[known] = self._keys[at[known]] == keys[known]
        np.add.at(self._counts, at[known], changes[known])
        # Values without a key can only have been added.
        self._merge(keys[~known], changes[~known])

    def _merge(self, keys: Keys, counts: Integers) -> None:
        """Insert sorted new keys, and drop those whose count is 0."""
        if not len(keys):
            return
        kept = self._counts > 0
        old_keys, old_counts = self._keys[kept], self._counts[kept]
        at = np.searchsorted(old_keys, keys)
        self._keys, self._counts = np.insert(old_keys, at, keys), np.insert(old_counts, at, counts)

    def _rebuild(
        self, touched: Integers, missing: Integers, changed: Integers, values_of: Callable[[int], Floats]
    ) -> None:
        """Rebuild the bands of the touched merchants at positions `missing`."""
        if len(self._keys) > _MAX_KEPT:
            self._drop(np.setdiff1d(np.flatnonzero(self._low <= self._high), touched))
        merchants = touched[missing]
        self._drop(merchants)
        rebuilt = [
            self._rebuild_one(merchant, values_of(merchant), count)
            for merchant, count in zip(merchants.tolist(), changed.tolist(), strict=True)
        ]
        self._merge(np.concatenate([keys for keys, _ in rebuilt]), np.concatenate([counts for _, counts in rebuilt]))

    def _rebuild_one(self, merchant: int, values: Floats, changed: int) -> tuple[Keys, Integers]:
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
        """Drop the bands of `merchants`."""
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
    """Sum the changes of each (position, value); return the sorted nonzero ones."""
    if not len(values):
        return position, values, signs
    least = values.min()
    span = int(min(values.max() - least, _MAX_CELLS)) + 1
    cells = span * (int(position.max()) + 1)
    if cells <= _CELLS_A_CHANGE * len(values) and (values == np.floor(values)).all():
        # A dense range of whole numbers needs no sorting.
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
    """Return the smallest fitting type: numpy sorts 16-bit integers by radix."""
    return np.uint16 if position.max() < 1 << 16 else np.int64


@dataclass(frozen=True)
class _Bands:
    """The positions of m percentiles in the bands.

    Attributes:
        sums: the number of values in bands before each key, over all merchants.
        shift: difference between a rank among all values in bands and among the merchant's values, shape (m,).
        ranks: of the percentiles.
        some: positions of the merchants with values.
        hold_ranks: whether each band contains both ranks, shape (m,).
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
