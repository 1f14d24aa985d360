"""The state: totals of every pair and every merchant, advanced chunk by chunk.

A pair takes 40 bytes for its totals, its name as it is, 13 to 20 bytes in the index and 4 in its merchant's list: no
Python object stands for a pair (docs/decisions/0006).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.core.codes import Codes
from spark_jobs.core.errors import StateError
from spark_jobs.core.growing_array import GrowingArray
from spark_jobs.core.name_words import Integers, NameWords, Words, name_words
from spark_jobs.core.pair_array import PAIR, PairArray, Pairs
from spark_jobs.core.pair_index import MOST_ROWS, PairIndex
from spark_jobs.core.pair_rows import FEMALE, GENDERS, MALE, all_pair_rows
from spark_jobs.core.reported import ReportedBits

_BLOCK = 1 << 18
_ROOM = 1.125
_MERCHANT_TOTALS = ("transactions", "customers", "female_customers", "male_customers")


@dataclass(frozen=True)
class Advance:
    """What a chunk touched: p pairs and m merchants, each once.

    Attributes:
        rows: of the pairs, shape (p,).
        merchants: codes, in order, shape (m,).
        merchant_at: position of each pair's merchant in `merchants`, shape (p,).
        before, after: the pairs themselves, `PAIR`, shape (p,); a new one had no transactions before.
        customers: the pairs' customers, shape (p,).
    """

    rows: Integers
    merchants: Integers
    merchant_at: Integers
    before: Pairs
    after: Pairs
    customers: pa.Array


class PairState:
    """All pairs and merchants. A pair's row and a merchant's code never change.

    Attributes:
        merchants: the names behind the codes.
        pairs: `PAIR`, shape (pairs,).
        merchant_totals: `transactions`, `customers`, `female_customers`, `male_customers`, each of shape (merchants,).
        reported: what the bits of `pairs["reported"]` and of `merchant_reported` mean.
    """

    TOTALS = ("transactions", "amount_paise", "weight_units", "weighted_transactions")

    def __init__(self) -> None:
        self.merchants = Codes()
        self.pairs = PairArray()
        self.merchant_totals = {name: GrowingArray(np.int64) for name in _MERCHANT_TOTALS}
        self.reported = ReportedBits()
        self.merchant_reported = GrowingArray(np.uint16)
        self._words = GrowingArray(np.uint64)
        self._index = PairIndex()
        # Asked for now and then only: rows from `_listed` on are not in it yet.
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
        """Return the rows of all pairs of some merchants, one merchant after the other."""
        if not len(merchants):
            # What is asked of nobody need not be listed yet.
            return np.zeros(0, dtype=np.uint32)
        if self._listed < len(self):
            self._list_rows()
        return np.concatenate([self._rows_of_merchant[merchant].values for merchant in merchants.tolist()])

    def find(self, merchants: pa.ChunkedArray, customers: pa.ChunkedArray) -> Integers:
        """Return the rows of some pairs, -1 where there is none."""
        codes = self.merchants.find(merchants)
        names = name_words(customers)
        return self._find(codes, names, names.hashes(codes))

    @classmethod
    def restore(cls, rows: pa.Table) -> "PairState":
        """Return the state that rows of `state/pairs` hold: of each pair, the row of the greatest line counts."""
        state = cls()
        lines = rows.column("line").to_numpy()
        if (lines[1:] < lines[:-1]).any():
            rows = rows.take(pa.array(np.argsort(lines, kind="stable")))
        # With room for what comes: memory that is not used yet costs nothing.
        state.pairs.reserve(int(len(rows) * _ROOM))
        state._words.reserve(int(pc.sum(pc.binary_length(rows.column("customer"))).as_py() or 0) // 8 + len(rows))
        state._index.reserve(len(rows))
        for at in range(0, len(rows), _BLOCK):
            state._restore_block(rows.slice(at, _BLOCK))
        np.add.at(
            state.merchant_totals["transactions"].values,
            state.pairs.values["merchant"],
            state.pairs.values["transactions"].astype(np.int64),
        )
        return state

    def advance(self, sums: pa.Table) -> Advance:
        """Add the sums of one chunk: rows of (merchant, customer), several where there are several categories.

        Args:
            sums: `merchant, customer, gender, first_line` and the four totals; `first_line` decides the gender.

        Raises:
            StateError: a total no longer fits.
        """
        sums, rows = self._one_row_a_pair(sums, self._rows_of(sums))
        before = self.pairs.take(rows)
        after = before.copy()
        merchant = before["merchant"].astype(np.int64)
        for name in self.TOTALS:
            added = sums.column(name).to_numpy()
            after[name] = _sums(name, before[name].astype(np.int64), added)
            if name == "transactions":
                np.add.at(self.merchant_totals[name].values, merchant, added)
        self.pairs.put(rows, after)
        merchants, merchant_at = _positions(merchant, len(self.merchants))
        return Advance(rows, merchants, merchant_at, before, after, sums.column("customer").combine_chunks())

    def all_rows(self, line: int) -> pa.Table:
        """Return all pairs as rows of `state/pairs`, as of `line`, in order of merchant."""
        return all_pair_rows(self, line)

    def mark_reported(
        self, pattern_ids: pa.ChunkedArray, merchants: pa.ChunkedArray, customers: pa.ChunkedArray
    ) -> None:
        """Take down what was reported; a customer "" stands for the merchant itself."""
        bits = self.reported.parse(pattern_ids)
        codes = self.merchants.find(merchants)
        of_merchant = (np.array(customers.to_pylist(), dtype=object) == "") & (codes >= 0)
        np.bitwise_or.at(self.merchant_reported.values, codes[of_merchant], bits[of_merchant])
        rows = self.find(merchants, customers)
        known = rows >= 0
        np.bitwise_or.at(self.pairs.values["reported"], rows[known], bits[known])

    def _restore_block(self, block: pa.Table) -> None:
        rows = self._rows_of(block)
        for name in self.TOTALS:
            # Of several rows of one pair, the last one stands.
            self.pairs.values[name][rows] = block.column(name).to_numpy()
        self.pairs.values["reported"][rows] = self.reported.parse(block.column("reported"))
        merchants = self.pairs.values["merchant"][rows]
        np.bitwise_or.at(
            self.merchant_reported.values, merchants, self.reported.parse(block.column("merchant_reported"))
        )

    def _one_row_a_pair(self, sums: pa.Table, rows: Integers) -> tuple[pa.Table, Integers]:
        """Sum the rows of each pair; where there is one of each, as with one category a merchant, they stay so."""
        ordered = np.sort(rows)
        if not (ordered[1:] == ordered[:-1]).any():
            return sums, rows
        order = np.argsort(rows, kind="stable")
        starts = np.flatnonzero(np.append(True, rows[order[1:]] != rows[order[:-1]]))
        totals = {name: np.add.reduceat(sums.column(name).to_numpy()[order], starts) for name in self.TOTALS}
        customers = sums.column("customer").take(pa.array(order[starts]))
        return pa.table({"customer": customers, **totals}), rows[order[starts]]

    def _rows_of(self, table: pa.Table) -> Integers:
        """Return the row of each (merchant, customer); new pairs get the next rows, in no order."""
        merchant = self.merchants.encode(table.column("merchant"))
        self._grow_merchants()
        names = name_words(table.column("customer"))
        hashes = names.hashes(merchant)
        rows = self._find(merchant, names, hashes)
        new = np.flatnonzero(rows < 0)
        if len(new):
            # In order of line, so that the first row of a pair is its first transaction.
            if "first_line" in table.column_names:
                new = new[np.argsort(table.column("first_line").to_numpy()[new], kind="stable")]
            first, group = _distinct(merchant[new], names.take(new), hashes[new])
            rows[new] = len(self) + group
            new = new[first]
            self._add(merchant[new], names.take(new), hashes[new], _genders(table.column("gender").take(pa.array(new))))
        return rows

    def _find(self, merchants: Integers, names: NameWords, hashes: Words) -> Integers:
        words = self._words.values

        def same(positions: Integers, rows: Integers) -> NDArray[np.bool_]:
            pairs = self.pairs.take(rows)
            alike: NDArray[np.bool_] = pairs["merchant"] == merchants[positions]
            alike &= NameWords(pairs["length"], pairs["name"], words).equal(names, positions)
            return alike

        return self._index.find(hashes, same)

    def _add(self, merchants: Integers, names: NameWords, hashes: Words, genders: NDArray[np.uint8]) -> None:
        rows = np.arange(len(self), len(self) + len(merchants))
        words = len(self._words)
        if max(len(self) + len(rows), words + len(names.words)) > MOST_ROWS:
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


def _genders(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Return the codes of genders: of all that is neither `F` nor `M`, null too, that of ""."""
    codes: NDArray[np.uint8] = pc.index_in(column, GENDERS).fill_null(0).combine_chunks().to_numpy().astype(np.uint8)
    return codes


def _distinct(merchants: Integers, names: NameWords, hashes: Words) -> tuple[Integers, Integers]:
    """Return the position of the first of each pair among some, and for each which of these it is."""
    order = np.argsort(hashes, kind="stable")
    alike = _same_as_before(merchants, names, hashes, order)
    if (~alike[1:] & (np.diff(hashes[order]) == 0)).any():
        # Different pairs with one hash may stand mixed: rare enough for the slow way.
        codes = names.to_arrow().dictionary_encode().indices.to_numpy()
        order = np.lexsort((codes, merchants))
        alike = _same_as_before(merchants, names, hashes, order)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(~alike) - 1
    return order[~alike], group


def _same_as_before(merchants: Integers, names: NameWords, hashes: Words, order: Integers) -> NDArray[np.bool_]:
    """Return whether each pair, in some order, is the one before it."""
    alike = np.zeros(len(order), dtype=bool)
    candidates = np.flatnonzero(np.diff(hashes[order]) == 0)
    left, right = order[candidates], order[candidates + 1]
    alike[candidates + 1] = (merchants[left] == merchants[right]) & names.take(left).equal(names, right)
    return alike


def _sums(name: str, before: Integers, added: Integers) -> Integers:
    after = before + added
    most = np.iinfo(PAIR[name]).max
    if ((added > 0) & (after < before)).any() or (after > most).any():
        msg = f"the sum {name} of a pair does not fit {PAIR[name].itemsize * 8} bits; look for amounts that cannot be"
        raise StateError(msg)
    return after


def _positions(codes: Integers, count: int) -> tuple[Integers, Integers]:
    """Return which of `count` codes occur, in order, and where among them each one stands."""
    occurs = np.zeros(count, dtype=bool)
    occurs[codes] = True
    distinct = np.flatnonzero(occurs)
    position = np.empty(count, dtype=np.int64)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[codes]
