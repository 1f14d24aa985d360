"""`CustomerImportance.csv`: the weights of transactions by customer, merchant and category."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.errors import ImportanceError
from spark_jobs.kernel.fixed_point import MAX_WEIGHT, to_weight_units
from spark_jobs.kernel.growing_array import GrowingArray
from spark_jobs.kernel.name_codes import NameCodes
from spark_jobs.kernel.name_words import Integers
from spark_jobs.kernel.pair_state import Weigh
from spark_jobs.lake.csv_header import HEADER_BYTES, split_header, verify_columns
from spark_jobs.lake.csv_lines import split_lines
from spark_jobs.lake.csv_quotes import find_quoting
from spark_jobs.store.objects import open_object

_CATEGORY_KEY = ["customer", "merchant", "category"]
_PAIR_KEY = ["customer", "merchant"]
_COLUMNS = {"Source": "customer", "Target": "merchant", "typeTrans": "category", "Weight": "weight"}


class Importance:
    """Weights by (customer, merchant, category) and by (customer, merchant).

    A weight is the mean over the rows with the same key, in 1/10,000, halves to even.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        """Index rows of `customer, merchant, category` and `weight` in 1/10,000."""
        self._by_category = _Means(rows, _CATEGORY_KEY)
        self._by_pair = _Means(rows, _PAIR_KEY)

    def find(self, rows: pa.Table) -> NDArray[np.float64]:
        """Return the weight of each row, that of its category or else of its pair, in 1/10,000; NaN if it has none."""
        weight = self._by_category.find(rows)
        missing = np.flatnonzero(np.isnan(weight))
        weight[missing] = self._by_pair.find(rows.take(pa.array(missing)))
        return weight


class PairWeights:
    """The weights of an importance file for the pairs of one state.

    It remembers the weight of each pair's last category, in 12 bytes per pair. Most merchants have one category, and
    looking up names takes as long as all other work on a chunk.
    """

    def __init__(self, importance: Importance) -> None:
        self._importance = importance
        self._codes = NameCodes()
        self._category = GrowingArray(np.int32)
        self._weight = GrowingArray(np.float64)

    def weigh(self, sums: pa.Table, pairs: Integers) -> pa.Table:
        """Return a chunk's sums with the weights of the file instead of the transactions' own.

        All transactions of a (merchant, customer, category) have one weight, or none.

        Args:
            sums: `SUMS_SCHEMA`, n rows.
            pairs: the row of each one's pair in the state, shape (n,).
        """
        category = self._codes.encode(sums.column("category"))
        new = int(pairs.max(initial=-1)) + 1 - len(self._category)
        if new > 0:
            self._category.append(np.full(new, -1))
            self._weight.append(np.full(new, np.nan))
        categories, weights = self._category.values, self._weight.values
        weight = weights[pairs]
        unknown = np.flatnonzero(categories[pairs] != category)
        if len(unknown):
            weight[unknown] = self._importance.find(sums.take(pa.array(unknown)))
            # Of several categories of a pair, the last one stays in both.
            categories[pairs[unknown]], weights[pairs[unknown]] = category[unknown], weight[unknown]
        count = np.where(np.isnan(weight), 0, sums.column("transactions").to_numpy())
        units = np.nan_to_num(weight).astype(np.int64) * count
        for name, column in (("weight_units", units), ("weighted_transactions", count)):
            sums = sums.set_column(sums.schema.get_field_index(name), name, pa.array(column))
        return sums


class _Means:
    """The mean weight of each key."""

    def __init__(self, rows: pd.DataFrame, key: list[str]) -> None:
        self._key = key
        joined = _joined(pa.Table.from_pandas(rows[key], preserve_index=False), key)
        groups = rows.groupby(joined, sort=False)["weight"]
        sums, counts = groups.sum(), groups.count()
        # In integers: the float of a large sum may be off by more than the distance to a half.
        quotient, rest = sums // counts, sums % counts
        means = quotient + ((2 * rest > counts) | ((2 * rest == counts) & (quotient % 2 == 1)))
        # Python strings: with pandas' own, each lookup copies the whole index.
        self._index = pd.Index(means.index.to_numpy(dtype=object), dtype=object)
        # Position -1, "not found", selects the NaN at the end.
        self._weights = np.append(means.to_numpy(dtype=np.float64), np.nan)

    def find(self, rows: pa.Table) -> NDArray[np.float64]:
        """Return the weight of each row, NaN if it has none."""
        found: NDArray[np.float64] = self._weights[
            self._index.get_indexer(pd.Index(_joined(rows, self._key), dtype=object))
        ]
        return found


def weigher(importance: Importance | None) -> Weigh | None:
    """Return what weighs the sums of chunks for the pairs of one state; None if they keep their weights."""
    return PairWeights(importance).weigh if importance else None


@dataclass(frozen=True)
class LoadedImportance:
    """An importance file as read: its weights (None without a file), and its ETag ("" without a file)."""

    weights: Importance | None
    etag: str


def read_importance(url: str | None) -> LoadedImportance:
    """Read the importance file at `url`, if there is one.

    Raises:
        ImportanceError: it does not exist, or is malformed.
    """
    if url is None:
        return LoadedImportance(None, "")
    folder, name = open_object(url)
    found = folder.find(name)
    if found is None:
        msg = f"{url} does not exist; upload the file, or omit --importance"
        raise ImportanceError(msg)
    return LoadedImportance(parse_importance(found.data, url), found.etag)


def parse_importance(data: bytes, place: str) -> Importance:
    """Parse the importance file; rows without matching transactions are allowed.

    Raises:
        ImportanceError: not CSV text, a column missing, no rows, or a row with a wrong number of fields, an empty key,
            or a weight that is not a finite number.
    """
    header, *lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    if lines and not lines[-1]:
        lines.pop()
    try:
        names = split_header(header)
        verify_columns(header, names, _COLUMNS)
    except ValueError as error:
        msg = f"{place}, line 1: {error}"
        raise ImportanceError(msg) from error
    if not lines:
        msg = f"{place} contains no weights, so no pair could be upgraded; fill it, or omit --importance"
        raise ImportanceError(msg)
    fields, reasons = split_lines(lines, names, 0, find_quoting(data[:HEADER_BYTES], len(names)))
    if reasons:
        at = min(reasons)
        msg = f"{place}, line {at + 2}: {reasons[at]}; fix the line"
        raise ImportanceError(msg)
    rows = fields.select(list(_COLUMNS)).rename_columns(list(_COLUMNS.values())).to_pandas().astype("str")
    rows = rows.apply(lambda column: column.str.strip())
    weight = pd.to_numeric(rows["weight"], errors="coerce").to_numpy(np.float64)
    bad = ~(np.abs(weight) <= MAX_WEIGHT)
    for name in ("customer", "merchant", "category"):
        bad |= (rows[name] == "").to_numpy()
    if bad.any():
        at = int(bad.argmax())
        found = list(rows.iloc[at])
        msg = f"{place}, line {at + 2}: a key is empty or the weight is not a finite number: {found}; fix the line"
        raise ImportanceError(msg)
    rows["weight"] = to_weight_units(pa.array(rows["weight"], pa.string()), weight)
    return Importance(rows)


def _joined(rows: pa.Table, key: list[str]) -> NDArray[np.object_]:
    """Return the key of each row as one string, joined by newlines, which no value contains."""
    parts = [rows.column(name).cast(pa.string()) for name in key]
    joined: NDArray[np.object_] = pc.binary_join_element_wise(*parts, "\n", null_handling="replace").to_numpy()
    return joined
