"""What a chunk adds, summed by (merchant, customer, category): taken where the chunk is read, before any join."""

import numpy as np
import pandas as pd
import pyarrow as pa

from spark_jobs.core.fixed_point import MAX_WEIGHT, to_paise, to_weight_units
from spark_jobs.core.transactions import LINE

WEIGHT = "weight"

# Read from a chunk; `weight` where the master file has it.
CHUNK_COLUMNS: dict[str, pa.DataType] = {
    LINE: pa.int64(),
    "customer": pa.string(),
    "gender": pa.string(),
    "merchant": pa.string(),
    "category": pa.string(),
    "amount": pa.float64(),
    WEIGHT: pa.string(),
}

# One row a (merchant, customer, category) of a chunk, and one without a merchant that marks the chunk's end.
SUMS_SCHEMA = pa.schema(
    [
        ("chunk_end", pa.int64()),
        ("merchant", pa.string()),
        ("customer", pa.string()),
        ("category", pa.string()),
        ("transactions", pa.int64()),
        ("amount_paise", pa.int64()),
        ("weight_units", pa.int64()),
        ("weighted_transactions", pa.int64()),
        ("first_line", pa.int64()),
        ("gender", pa.string()),
    ]
)


def sum_chunk(chunk: pa.Table, chunk_end: int) -> pa.Table:
    """Sum the transactions of a chunk into `SUMS_SCHEMA`.

    The weight of a transaction is here its column `weight`, or its amount where the chunk has no such column; the
    gender is that of the first transaction. Quarantined lines (rows without a customer) count for nothing.
    """
    rows = chunk.filter(chunk.column("customer").is_valid())
    amount = rows.column("amount").to_numpy()
    weight, has_weight = _own_weights(rows, amount)
    values = pa.table(
        {
            "merchant": rows.column("merchant"),
            "customer": rows.column("customer"),
            "category": rows.column("category"),
            "amount_paise": to_paise(amount),
            "weight_units": weight,
            "weighted": has_weight.astype(np.int64),
            LINE: rows.column(LINE),
            "gender": rows.column("gender"),
        }
    )
    sums = values.group_by(["merchant", "customer", "category"], use_threads=False).aggregate(
        [
            (LINE, "count"),
            ("amount_paise", "sum"),
            ("weight_units", "sum"),
            ("weighted", "sum"),
            (LINE, "min"),
            ("gender", "first"),
        ]
    )
    ends = pa.array(np.full(sums.num_rows, chunk_end), pa.int64())
    named = pa.table([ends, *sums.columns], names=SUMS_SCHEMA.names).cast(SUMS_SCHEMA)
    return pa.concat_tables([named, _end_mark(chunk_end)])


def _own_weights(rows: pa.Table, amount: "np.typing.NDArray[np.float64]") -> tuple[np.ndarray, np.ndarray]:
    """Return weights in 1/10,000, 0 where there is none, and whether there is one."""
    if WEIGHT not in rows.column_names:
        return to_weight_units(amount), np.ones(len(amount), dtype=bool)
    weight = pd.to_numeric(rows.column(WEIGHT).to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    usable = np.abs(weight) <= MAX_WEIGHT
    return to_weight_units(np.where(usable, weight, 0.0)), usable


def _end_mark(chunk_end: int) -> pa.Table:
    mark = dict.fromkeys(SUMS_SCHEMA.names) | {"chunk_end": chunk_end}
    return pa.Table.from_pylist([mark], schema=SUMS_SCHEMA)
