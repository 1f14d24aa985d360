"""The state: totals of every pair and every merchant, advanced chunk by chunk."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spark_jobs.core.errors import StateError
from spark_jobs.core.growing_array import GrowingArray

Rows = NDArray[np.int64]

# The totals of a pair, as they stand in `state/pairs`.
PAIRS_SCHEMA = pa.schema(
    [
        ("merchant", pa.string()),
        ("customer", pa.string()),
        ("gender", pa.string()),
        ("transactions", pa.int64()),
        ("amount_paise", pa.int64()),
        ("weight_units", pa.int64()),
        ("weighted_transactions", pa.int64()),
        ("line", pa.int64()),
    ]
)
_TOTALS = ("transactions", "amount_paise", "weight_units", "weighted_transactions")
_GENDERS = np.array(["F", "M"])


class Codes:
    """Names as numbers from 0, in the order in which they were first seen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def encode(self, column: pa.ChunkedArray) -> Rows:
        """Return the code of each name; new names get the next ones."""
        encoded = column.combine_chunks().dictionary_encode()
        codes = np.array([self._code(name) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
        rows: Rows = codes[encoded.indices.to_numpy()]
        return rows

    def decode(self, codes: NDArray[Any]) -> pa.Array:
        """Return the names of these codes."""
        return pa.array([self.names[code] for code in codes.tolist()], pa.string())

    def _code(self, name: str) -> int:
        code = self._codes.setdefault(name, len(self.names))
        if code == len(self.names):
            self.names.append(name)
        return code


@dataclass(frozen=True)
class Advance:
    """What a chunk touched: rows of pairs and codes of merchants, each once."""

    pairs: Rows
    merchants: Rows


class PairState:
    """Columns of pairs and of merchants. A pair's row and a merchant's code never change.

    Attributes:
        merchants, customers: the names behind the codes.
        merchant_of, customer_of: codes of each pair, shape (pairs,).
        gender_of: `F`, `M` or "" for all else, of each pair's first transaction, shape (pairs,).
        totals: `transactions`, `amount_paise`, `weight_units`, `weighted_transactions`, each of shape (pairs,).
        merchant_totals: `transactions`, `female_customers`, `male_customers`, each of shape (merchants,).
    """

    def __init__(self) -> None:
        self.merchants = Codes()
        self.customers = Codes()
        self.merchant_of = GrowingArray(np.int32)
        self.customer_of = GrowingArray(np.int32)
        self.gender_of = GrowingArray("U1")
        self.totals = {name: GrowingArray(np.int64) for name in _TOTALS}
        self.merchant_totals = {
            name: GrowingArray(np.int64) for name in ("transactions", "female_customers", "male_customers")
        }
        self._row_of_key: dict[int, int] = {}
        self._rows_of_merchant: list[GrowingArray] = []

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.merchant_of.values)

    def rows_of(self, merchant: int) -> Rows:
        """Return the rows of all pairs of a merchant."""
        return self._rows_of_merchant[merchant].values

    @classmethod
    def restore(cls, rows: pa.Table) -> "PairState":
        """Return the state that rows of `state/pairs` hold: of each pair, the row of the greatest line counts."""
        state = cls()
        merchant = state.merchants.encode(rows.column("merchant"))
        state._grow_merchants()
        keys = merchant << 32 | state.customers.encode(rows.column("customer"))
        latest_first = np.argsort(-rows.column("line").to_numpy(), kind="stable")
        unique, first = np.unique(keys[latest_first], return_index=True)
        latest = rows.take(pa.array(latest_first[first]))
        at = state._find_or_add(unique, latest.column("gender"))
        for name, column in state.totals.items():
            column.values[at] = latest.column(name).to_numpy()
        np.add.at(
            state.merchant_totals["transactions"].values,
            unique >> 32,
            latest.column("transactions").to_numpy(),
        )
        return state

    def advance(self, sums: pa.Table) -> Advance:
        """Add the sums of one chunk: rows of (merchant, customer), several where there are several categories.

        Args:
            sums: `merchant, customer, gender, first_line` and the four totals; `first_line` decides the gender.

        Raises:
            StateError: a total no longer fits 64 bits.
        """
        merchant = self.merchants.encode(sums.column("merchant"))
        self._grow_merchants()
        keys = merchant << 32 | self.customers.encode(sums.column("customer"))
        # In order of line, so that the first row of a pair is its first transaction.
        by_line = np.argsort(sums.column("first_line").to_numpy(), kind="stable")
        unique, first, group = np.unique(keys[by_line], return_index=True, return_inverse=True)
        rows = self._find_or_add(unique, sums.column("gender").take(pa.array(by_line[first])))

        for name, column in self.totals.items():
            added = np.zeros(len(unique), dtype=np.int64)
            np.add.at(added, group, sums.column(name).to_numpy()[by_line])
            before = column.values[rows]
            after = before + added
            if ((added > 0) & (after < before)).any():
                msg = f"the sum {name} of a pair does not fit 64 bits any more; look for amounts that cannot be"
                raise StateError(msg)
            column.values[rows] = after
            if name == "transactions":
                np.add.at(self.merchant_totals[name].values, unique >> 32, added)
        return Advance(rows, np.unique(merchant))

    def pair_rows(self, rows: Rows, line: int) -> pa.Table:
        """Return these pairs as rows of `state/pairs`, as of `line`."""
        columns: list[Any] = [
            self.merchants.decode(self.merchant_of.values[rows]),
            self.customers.decode(self.customer_of.values[rows]),
            pa.array(self.gender_of.values[rows], pa.string()),
            *(pa.array(self.totals[name].values[rows]) for name in _TOTALS),
            pa.array(np.full(len(rows), line)),
        ]
        return pa.table(columns, schema=PAIRS_SCHEMA)

    def all_rows(self, line: int) -> pa.Table:
        """Return all pairs as rows of `state/pairs`, as of `line`."""
        return self.pair_rows(np.arange(len(self)), line)

    def _grow_merchants(self) -> None:
        new = len(self.merchants.names) - len(self._rows_of_merchant)
        self._rows_of_merchant.extend(GrowingArray(np.int64) for _ in range(new))
        for column in self.merchant_totals.values():
            column.append(np.zeros(new, dtype=np.int64))

    def _find_or_add(self, keys: Rows, genders: pa.ChunkedArray) -> Rows:
        """Return the row of each key (sorted, each once); new pairs get the next rows and their gender."""
        find = self._row_of_key.get
        rows = np.array([find(key, -1) for key in keys.tolist()], dtype=np.int64)
        new = np.flatnonzero(rows < 0)
        if len(new):
            added = np.arange(len(self), len(self) + len(new))
            rows[new] = added
            self._add(keys[new], added, genders.take(pa.array(new)))
        return rows

    def _add(self, keys: Rows, rows: Rows, genders: pa.ChunkedArray) -> None:
        self._row_of_key.update(zip(keys.tolist(), rows.tolist(), strict=True))
        merchant = keys >> 32
        self.merchant_of.append(merchant)
        self.customer_of.append(keys & 0xFFFFFFFF)
        text = np.array(genders.fill_null("").to_pylist(), dtype=str)
        gender = np.where(np.isin(text, _GENDERS), text, "")
        self.gender_of.append(gender)
        for total in self.totals.values():
            total.append(np.zeros(len(rows), dtype=np.int64))
        np.add.at(self.merchant_totals["female_customers"].values, merchant[gender == "F"], 1)
        np.add.at(self.merchant_totals["male_customers"].values, merchant[gender == "M"], 1)
        # Keys are sorted: the rows of one merchant stand together.
        codes, starts = np.unique(merchant, return_index=True)
        for code, piece in zip(codes.tolist(), np.split(rows, starts[1:]), strict=True):
            self._rows_of_merchant[code].append(piece)
