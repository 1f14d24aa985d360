"""A chunk's sums by (merchant, customer, category), computed where the chunk is read."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import KNOWN_GENDERS, LINE
from spark_jobs.kernel.fixed_point import MAX_WEIGHT, to_paise, to_weight_units

WEIGHT = "weight"

# Columns read from a chunk; `weight` is optional. Numbers are read as text, which is rounded exactly.
CHUNK_COLUMNS: dict[str, pa.DataType] = {
    LINE: pa.int64(),
    "customer": pa.string(),
    "gender": pa.string(),
    "merchant": pa.string(),
    "category": pa.string(),
    "amount": pa.string(),
    WEIGHT: pa.string(),
}

SUMS_SCHEMA = pa.schema(
    [
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


@dataclass(frozen=True)
class ChunkSums:
    """The sums of the chunk that ends at line `end`.

    Attributes:
        end: the line after its last one.
        rows: `SUMS_SCHEMA`, one row per (merchant, customer, category), unordered; none if all lines are quarantined.
    """

    end: int
    rows: pa.Table

    @property
    def transactions(self) -> int:
        """The number of transactions."""
        return pc.sum(self.rows.column("transactions"), min_count=0).as_py() or 0

    @property
    def has_known_gender(self) -> bool:
        """Whether any first transaction has a gender that counts."""
        known = pc.is_in(self.rows.column("gender"), pa.array(KNOWN_GENDERS))
        return pc.any(known, min_count=0).as_py() or False

    def packed(self) -> bytes:
        """Return the rows as an Arrow IPC stream."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SUMS_SCHEMA) as stream:
            stream.write_table(self.rows)
        return bytes(sink.getvalue().to_pybytes())

    @classmethod
    def unpack(cls, end: int, packed: bytes) -> "ChunkSums":
        """Parse what `packed` returns."""
        with pa.ipc.open_stream(packed) as stream:
            return cls(end, stream.read_all())


def sum_chunk(chunk: pa.Table, end: int) -> ChunkSums:
    """Sum the transactions of the chunk that ends at line `end`.

    The weight of a transaction is its column `weight`, or its amount if the chunk has no such column; the gender is
    that of the first transaction. Quarantined lines (rows without a customer) are skipped.
    """
    rows = chunk.filter(chunk.column("customer").is_valid())
    amount = pc.cast(rows.column("amount"), pa.float64()).to_numpy()
    weight, has_weight = _own_weights(rows, amount)
    values = pa.table(
        {
            "merchant": rows.column("merchant"),
            "customer": rows.column("customer"),
            "category": rows.column("category"),
            "amount_paise": to_paise(rows.column("amount"), amount),
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
    return ChunkSums(end, pa.table(sums.columns, names=SUMS_SCHEMA.names).cast(SUMS_SCHEMA))


def _own_weights(rows: pa.Table, amount: "np.typing.NDArray[np.float64]") -> tuple[np.ndarray, np.ndarray]:
    """Return weights in 1/10,000, 0 for none, and whether there is one."""
    if WEIGHT not in rows.column_names:
        return to_weight_units(rows.column("amount"), amount), np.ones(len(amount), dtype=bool)
    # Importing it takes half a second, and most lakes have an importance file instead.
    import pandas as pd

    weight = pd.to_numeric(rows.column(WEIGHT).to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    usable = np.abs(weight) <= MAX_WEIGHT
    return to_weight_units(rows.column(WEIGHT), np.where(usable, weight, 0.0)), usable
