"""The state as rows of `state/pairs`: appended after each micro-batch, and read at a start."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spark_jobs.kernel.pair_array import GENDERS
from spark_jobs.kernel.pair_state import PairState

# Totals of a pair; `reported` and `merchant_reported` are the ids of the patterns reported of the pair and of its
# merchant, separated by commas.
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
# Rows built at a time, which takes 0.2 GB for their names.
_BLOCK = 1 << 20


def pair_rows(state: PairState, rows: NDArray[np.int64], customers: pa.Array | None, line: int) -> pa.Table:
    """Return pairs as rows of `state/pairs` as of `line`; `customers` are their names, if at hand."""
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


def all_pair_rows(state: PairState, line: int) -> pa.Table:
    """Return all pairs as rows of `state/pairs` as of `line`, sorted by merchant."""
    rank = np.empty(len(state.merchants), dtype=np.int64)
    rank[np.argsort(np.array(state.merchants.names, dtype=object))] = np.arange(len(state.merchants))
    order = np.argsort(rank[state.pairs.values["merchant"]], kind="stable")
    blocks = [pair_rows(state, order[at : at + _BLOCK], None, line) for at in range(0, len(order), _BLOCK)]
    return pa.concat_tables(blocks) if blocks else PAIRS_SCHEMA.empty_table()


def restore_state(rows: pa.Table) -> PairState:
    """Return the state in rows of `state/pairs`: of each pair, the row of the greatest line counts."""
    lines = rows.column("line").to_numpy()
    if (lines[1:] < lines[:-1]).any():
        rows = rows.take(pa.array(np.argsort(lines, kind="stable")))
    state = PairState()
    state.load(rows)
    return state
