"""Arrow tables as values of a DataFrame: they cross the JVM as bytes, not row by row (docs/decisions/0003)."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

PACKED = "table string, rows binary"
# Rows packed into one value.
_ROWS = 1 << 17


def pack(tables: Mapping[str, pa.Table]) -> Iterator[pa.RecordBatch]:
    """Yield tables by name as rows of `PACKED`; empty ones are omitted."""
    for name, table in tables.items():
        for start in range(0, table.num_rows, _ROWS):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as stream:
                stream.write_table(table.slice(start, _ROWS))
            yield pa.record_batch({"table": [name], "rows": [sink.getvalue().to_pybytes()]})


def unpack(frame: DataFrame, name: str, schema: pa.Schema) -> DataFrame:
    """Return the rows of all tables of a name in a DataFrame of `PACKED`."""
    return frame.where(f"table = '{name}'").select("rows").mapInArrow(_unpack_all, spark_schema(schema))


def collect(frame: DataFrame, schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Table]:
    """Return the rows of all tables of some names, in this process."""
    names = ", ".join(f"'{name}'" for name in schemas)
    rows = frame.where(f"table IN ({names})").toArrow()
    found: dict[str, list[pa.Table]] = {name: [schema.empty_table()] for name, schema in schemas.items()}
    for name, packed in zip(rows.column("table").to_pylist(), rows.column("rows"), strict=True):
        found[name].append(_unpack(packed))
    return {name: pa.concat_tables(tables) for name, tables in found.items()}


def spark_schema(schema: pa.Schema) -> StructType:
    """Return the schema of a DataFrame with the columns of Arrow tables."""
    return from_arrow_schema(schema)


def _unpack_all(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for packed in batch.column(0):
            yield from _unpack(packed).to_batches()


def _unpack(packed: pa.BinaryScalar) -> pa.Table:
    with pa.ipc.open_stream(packed.as_buffer()) as stream:
        return stream.read_all()
