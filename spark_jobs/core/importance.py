"""`CustomerImportance.csv`: how much a customer's transaction with a merchant weighs."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.core.errors import ImportanceError
from spark_jobs.core.fixed_point import MAX_WEIGHT, to_weight_units

_CATEGORY_KEY = ["customer", "merchant", "category"]
_PAIR_KEY = ["customer", "merchant"]
_COLUMNS = {"Source": "customer", "Target": "merchant", "typeTrans": "category", "Weight": "weight"}


class Importance:
    """Weights by (customer, merchant, category) and by (customer, merchant), to be joined to a chunk's sums.

    A weight is the mean over the rows with the same key, in 1/10,000, halves to even.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        """Index rows of `customer, merchant, category` and `weight` in 1/10,000."""
        self._by_category = _means(rows, _CATEGORY_KEY)
        self._by_pair = _means(rows, _PAIR_KEY)

    def join(self, sums: pa.Table) -> pa.Table:
        """Return sums with the weights of this table in place of the transactions' own.

        All transactions of a (merchant, customer, category) share one weight: that of their category, else that of
        the pair; where there is neither they have none.
        """
        by_category, by_pair = (
            _find(self._by_category, sums, _CATEGORY_KEY),
            _find(self._by_pair, sums, _PAIR_KEY),
        )
        weight = np.where(np.isnan(by_category), by_pair, by_category)
        count = np.where(np.isnan(weight), 0, sums.column("transactions").fill_null(0).to_numpy())
        units = np.nan_to_num(weight).astype(np.int64) * count
        joined = sums.set_column(sums.schema.get_field_index("weight_units"), "weight_units", pa.array(units))
        return joined.set_column(
            sums.schema.get_field_index("weighted_transactions"), "weighted_transactions", pa.array(count)
        )


def parse_importance(data: bytes, place: str) -> Importance:
    """Read the importance file.

    Raises:
        ImportanceError: not CSV text, a needed column missing, an empty key, or a weight that is no finite number.
    """
    try:
        rows = pd.read_csv(io.BytesIO(data), quotechar="'", dtype="str", keep_default_na=False, skip_blank_lines=False)
    except (ValueError, UnicodeError) as error:
        msg = f"{place}: not CSV text ({str(error).strip()}); mend the file, or leave --importance away"
        raise ImportanceError(msg) from error
    missing = [name for name in _COLUMNS if name not in rows.columns]
    if missing:
        msg = f"{place}, line 1: no column {', '.join(missing)} in the header; it needs {', '.join(_COLUMNS)}"
        raise ImportanceError(msg)
    rows = rows[list(_COLUMNS)].rename(columns=_COLUMNS)
    weight = pd.to_numeric(rows["weight"], errors="coerce").to_numpy(np.float64)
    bad = ~(np.abs(weight) <= MAX_WEIGHT)
    for name in ("customer", "merchant", "category"):
        bad |= (rows[name].fillna("").str.strip() == "").to_numpy()
    if bad.any():
        at = int(bad.argmax())
        found = list(rows.iloc[at])
        msg = f"{place}, line {at + 2}: a key is empty or the weight is no finite number: {found}; mend the line"
        raise ImportanceError(msg)
    rows["weight"] = to_weight_units(weight)
    return Importance(rows)


def _means(rows: pd.DataFrame, key: list[str]) -> "pd.Series[float]":
    groups = rows.groupby(_joined(pa.Table.from_pandas(rows[key], preserve_index=False), key), sort=False)["weight"]
    means: pd.Series[float] = np.rint(groups.sum() / groups.count())
    return means


def _find(weights: "pd.Series[float]", sums: pa.Table, key: list[str]) -> NDArray[np.float64]:
    """Return the weight of each row, NaN where there is none."""
    return np.asarray(weights.reindex(_joined(sums, key)), dtype=np.float64)


def _joined(rows: pa.Table, key: list[str]) -> NDArray[np.object_]:
    """Return the key of each row as one text; line breaks, which no value holds, stand between its parts."""
    parts = [rows.column(name).cast(pa.string()) for name in key]
    joined: NDArray[np.object_] = pc.binary_join_element_wise(*parts, "\n", null_handling="replace").to_numpy()
    return joined
