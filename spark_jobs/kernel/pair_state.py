"""The totals of all pairs and merchants, advanced chunk by chunk.

A pair takes 40 bytes for its totals, the bytes of its name, 13 to 20 bytes in the index and 4 in its merchant's list,
and no Python object (docs/decisions/0006).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.errors import StateError
from spark_jobs.kernel.growing_array import GrowingArray
from spark_jobs.kernel.name_codes import NameCodes
from spark_jobs.kernel.name_words import Integers, NameWords, Words, name_words
from spark_jobs.kernel.pair_array import FEMALE, MALE, PAIR, PairArray, Pairs, gender_codes
from spark_jobs.kernel.pair_index import MAX_ROWS, PairIndex, distinct_pairs
from spark_jobs.kernel.reported import PatternBits

_BLOCK = 1 << 18
_ROOM = 1.125
_SUMMED_BY_MERCHANT = ("transactions", "amount_paise")
# Returns the sums of a chunk with other weights, given the row of the pair of each.
Weigh = Callable[[pa.Table, Integers], pa.Table]
_MERCHANT_TOTALS = (*_SUMMED_BY_MERCHANT, "customers", "female_customers", "male_customers")


@dataclass(frozen=True)
class Advance:
    """The p pairs and m merchants that a chunk touched, each once.

    Attributes:
        rows: of the pairs, shape (p,).
        merchants: sorted codes, shape (m,).
        merchant_at: position of each pair's merchant in `merchants`, shape (p,).
        before, after: the pairs, `PAIR`, shape (p,); a new pair has no transactions before.
        customers: of the pairs, shape (p,).
    """

    rows: Integers
    merchants: Integers
    merchant_at: Integers
    before: Pairs
    after: Pairs
    customers: pa.Array


class PairState:
    """All pairs and merchants; rows of pairs and codes of merchants never change.

    Attributes:
        merchants: the codes of merchants.
        pairs: `PAIR`, shape (pairs,).
        merchant_totals: `transactions`, `amount_paise`, `customers`, `female_customers` and `male_customers`, each of
            shape (merchants,).
        reported: the meaning of the bits in `pairs["reported"]` and `merchant_reported`.
        merchant_reported: the patterns reported of merchants, shape (merchants,).
    """

    TOTALS = ("transactions", "amount_paise", "weight_units", "weighted_transactions")

    def __init__(self) -> None:
        self.merchants = NameCodes()
        self.pairs = PairArray()
        self.merchant_totals = {name: GrowingArray(np.int64) for name in _MERCHANT_TOTALS}
        self.reported = PatternBits()
        self.merchant_reported = GrowingArray(np.uint16)
        self._words = GrowingArray(np.uint64)
        self._index = PairIndex()
        # Built on demand: rows from `_listed` on are missing.
        self._rows_of_merchant: list[GrowingArray] = []
        self._listed = 0

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.pairs)

    @property
    def names(self) -> NameWords:
        """The customers of all pairs."""
        pairs = self.pairs.values
        return NameWords(pairs["length"], pairs["name"], self._words.values)

    def rows_of(self, merchants: Integers) -> NDArray[np.uint32]:
        """Return the rows of all pairs of `merchants`, one merchant after the other."""
        # Without merchants, skip building the lists.
        if not len(merchants):
            return np.zeros(0, dtype=np.uint32)
        if self._listed < len(self):
            self._list_rows()
        return np.concatenate([self._rows_of_merchant[merchant].values for merchant in merchants.tolist()])

    def find(self, merchants: pa.ChunkedArray, customers: pa.ChunkedArray) -> Integers:
        """Return the row of each pair, -1 for unknown ones."""
        codes = self.merchants.find(merchants)
        names = name_words(customers)
        return self._find(codes, names, names.hashes(codes))

    def load(self, rows: pa.Table) -> None:
        """Load rows of `state/pairs` into an empty state; later rows of a pair replace earlier ones."""
        # Spare room for new pairs: unused memory costs nothing.
        self.pairs.reserve(int(len(rows) * _ROOM))
        self._words.reserve(int(pc.sum(pc.binary_length(rows.column("customer"))).as_py() or 0) // 8 + len(rows))
        self._index.reserve(len(rows))
        for at in range(0, len(rows), _BLOCK):
            self._load_block(rows.slice(at, _BLOCK))
        for name in _SUMMED_BY_MERCHANT:
            self._add_to_merchants(name, self.pairs.values["merchant"], self.pairs.values[name].astype(np.int64))

    def advance(self, sums: pa.Table, weigh: Weigh | None = None) -> Advance:
        """Add the sums of one chunk; a pair has one row per category.

        Args:
            sums: `SUMS_SCHEMA`; the gender of the first line counts.
            weigh: replaces the weights; None keeps those of the transactions.

        Raises:
            StateError: a total overflows.
        """
        rows = self._rows_of(sums)
        if weigh:
            sums = weigh(sums, rows)
        sums, rows = self._one_row_a_pair(sums, rows)
        before = self.pairs.take(rows)
        after = before.copy()
        merchant = before["merchant"].astype(np.int64)
        for name in self.TOTALS:
            added = sums.column(name).to_numpy()
            after[name] = _sums(name, before[name].astype(np.int64), added)
            if name in _SUMMED_BY_MERCHANT:
                self._add_to_merchants(name, merchant, added)
        self.pairs.put(rows, after)
        merchants, merchant_at = _positions(merchant, len(self.merchants))
        return Advance(rows, merchants, merchant_at, before, after, sums.column("customer").combine_chunks())

    def mark_reported(
        self, pattern_ids: pa.ChunkedArray, merchants: pa.ChunkedArray, customers: pa.ChunkedArray
    ) -> None:
        """Mark pairs as already reported; a customer "" stands for the merchant itself."""
        bits = self.reported.parse(pattern_ids)
        codes = self.merchants.find(merchants)
        of_merchant = (np.array(customers.to_pylist(), dtype=object) == "") & (codes >= 0)
        np.bitwise_or.at(self.merchant_reported.values, codes[of_merchant], bits[of_merchant])
        rows = self.find(merchants, customers)
        known = rows >= 0
        np.bitwise_or.at(self.pairs.values["reported"], rows[known], bits[known])

    def _add_to_merchants(self, name: str, merchants: Integers, added: Integers) -> None:
        totals = self.merchant_totals[name].values
        np.add.at(totals, merchants, added)
        # All amounts are positive, so a sum below zero has overflowed.
        if (totals[merchants] < 0).any():
            msg = f"the sum {name} of a merchant exceeds 64 bits; look for impossible amounts"
            raise StateError(msg)

    def _load_block(self, block: pa.Table) -> None:
        rows = self._rows_of(block)
        for name in self.TOTALS:
            # Of several rows of a pair, the last one wins.
            self.pairs.values[name][rows] = block.column(name).to_numpy()
        self.pairs.values["reported"][rows] = self.reported.parse(block.column("reported"))
        merchants = self.pairs.values["merchant"][rows]
        np.bitwise_or.at(
            self.merchant_reported.values, merchants, self.reported.parse(block.column("merchant_reported"))
        )

    def _one_row_a_pair(self, sums: pa.Table, rows: Integers) -> tuple[pa.Table, Integers]:
        """Sum the rows of each pair; return the input if each pair has one row, as with one category per merchant."""
        ordered = np.sort(rows)
        if not (ordered[1:] == ordered[:-1]).any():
            return sums, rows
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.append(True, rows[order[1:]] != rows[order[:-1]]))
        totals = {name: np.add.reduceat(sums.column(name).to_numpy()[order], starts) for name in self.TOTALS}
        customers = sums.column("customer").take(pa.array(order[starts]))
        return pa.table({"customer": customers, **totals}), rows[order[starts]]

    def _rows_of(self, table: pa.Table) -> Integers:
        """Return the row of each (merchant, customer), adding new pairs in any order."""
        merchant = self.merchants.encode(table.column("merchant"))
        self._grow_merchants()
        names = name_words(table.column("customer"))
        hashes = names.hashes(merchant)
        rows = self._find(merchant, names, hashes)
        new = np.flatnonzero(rows < 0)
        if len(new):
            # By line, so that a pair's gender is that of its first transaction.
            if "first_line" in table.column_names:
                new = new[np.argsort(table.column("first_line").to_numpy()[new], kind="stable")]
            first, group = distinct_pairs(merchant[new], names.take(new), hashes[new])
            rows[new] = len(self) + group
            new = new[first]
            self._add(
                merchant[new], names.take(new), hashes[new], gender_codes(table.column("gender").take(pa.array(new)))
            )
        return rows

    def _find(self, merchants: Integers, names: NameWords, hashes: Words) -> Integers:
        words = self._words.values

        def same(positions: Integers, rows: Integers) -> NDArray[np.bool_]:
            pairs = self.pairs.take(rows)
            equal: NDArray[np.bool_] = pairs["merchant"] == merchants[positions]
            equal &= NameWords(pairs["length"], pairs["name"], words).equal(names, positions)
            return equal

        return self._index.find(hashes, same)

    def _add(self, merchants: Integers, names: NameWords, hashes: Words, genders: NDArray[np.uint8]) -> None:
        rows = np.arange(len(self), len(self) + len(merchants))
        words = len(self._words)
        if max(len(self) + len(rows), words + len(names.words)) > MAX_ROWS:
            msg = f"{len(self):,} pairs: the state of one detector is full; see docs/how-to/scale-out.md"
            raise StateError(msg)
        self._index.add(hashes, rows, self._all_hashes)
        self._words.append(names.words)
        pairs = np.zeros(len(rows), dtype=PAIR)
        pairs["merchant"], pairs["name"], pairs["length"] = merchants, words + names.starts, names.lengths
        pairs["gender"] = genders
        self.pairs.append(pairs)
        np.add.at(self.merchant_totals["customers"].values, merchants, 1)
        for code, name in ((FEMALE, "female_customers"), (MALE, "male_customers")):
            np.add.at(self.merchant_totals[name].values, merchants[genders == code], 1)

    def _all_hashes(self) -> Iterator[tuple[Integers, Words]]:
        names = self.names
        for start in range(0, len(self), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(self)))
            yield rows, names.take(rows).hashes(self.pairs.values["merchant"][rows])

    def _list_rows(self) -> None:
        merchants = self.pairs.values["merchant"][self._listed :]
        missing = len(self.merchants) - len(self._rows_of_merchant)
        self._rows_of_merchant.extend(GrowingArray(np.uint32) for _ in range(missing))
        order = np.argsort(merchants, kind="stable")
        codes, starts = np.unique(merchants[order], return_index=True)
        for code, piece in zip(codes.tolist(), np.split(order + self._listed, starts[1:]), strict=True):
            self._rows_of_merchant[code].append(piece)
        self._listed = len(self)

    def _grow_merchants(self) -> None:
        new = len(self.merchants) - len(self.merchant_reported)
        if not new:
            return
        for column in (*self.merchant_totals.values(), self.merchant_reported):
            column.append(np.zeros(new, dtype=np.int64))


def _sums(name: str, before: Integers, added: Integers) -> Integers:
    after = before + added
    limit = np.iinfo(PAIR[name]).max
    if ((added > 0) & (after < before)).any() or (after > limit).any():
        msg = f"the sum {name} of a pair exceeds {PAIR[name].itemsize * 8} bits; look for impossible amounts"
        raise StateError(msg)
    return after


def _positions(codes: Integers, count: int) -> tuple[Integers, Integers]:
    """Return the sorted distinct codes, all below `count`, and the position of each code among them."""
    occurs = np.zeros(count, dtype=bool)
    occurs[codes] = True
    distinct = np.flatnonzero(occurs)
    position = np.empty(count, dtype=np.int64)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[codes]
