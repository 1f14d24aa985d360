"""The state as rows of `state/pairs`: what is appended after a micro-batch, and what a start reads."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spark_jobs.kernel.pair_state import PairState

# The totals of a pair, as they stand in `state/pairs`; `reported` and `merchant_reported` are the patterns that were
# reported of the pair and of its merchant, with commas between.
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
        ("reported", pa.string()),
        ("merchant_reported", pa.string()),
    ]
)
# A gender's code is its place; "" stands for all else.
GENDERS = pa.array(["", "F", "M"], pa.string())
FEMALE, MALE = 1, 2
# So many rows are made at a time: their names need 0.2 GB meanwhile.
_BLOCK = 1 << 20


def pair_rows(state: "PairState", rows: NDArray[np.int64], customers: pa.Array | None, line: int) -> pa.Table:
    """Return pairs as rows of `state/pairs`, as of `line`; `customers` are their names, where they are at hand."""
    pairs = state.pairs.take(rows)
    columns: list[Any] = [
        state.merchants.decode(pairs["merchant"]),
        customers if customers is not None else state.names.take(rows).to_arrow(),
        GENDERS.take(pa.array(pairs["gender"])),
        *(pairs[name].astype(np.int64) for name in state.TOTALS),
        np.full(len(rows), line),
        state.reported.format(pairs["reported"]),
        state.reported.format(state.merchant_reported.values[pairs["merchant"]]),
    ]
    return pa.table(columns, schema=PAIRS_SCHEMA)


def all_pair_rows(state: "PairState", line: int) -> pa.Table:
    """Return all pairs as rows of `state/pairs`, as of `line`, in order of merchant."""
    rank = np.empty(len(state.merchants), dtype=np.int64)
    rank[np.argsort(np.array(state.merchants.names, dtype=object))] = np.arange(len(state.merchants))
    order = np.argsort(rank[state.pairs.values["merchant"]], kind="stable")
    blocks = [pair_rows(state, order[at : at + _BLOCK], None, line) for at in range(0, len(order), _BLOCK)]
    return pa.concat_tables(blocks) if blocks else PAIRS_SCHEMA.empty_table()
