"""What executors do in a micro-batch of the state backend `spark`; batches of rows are those of `mapInArrow`."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast

from spark_jobs.engine.packed import pack
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.lake.importance import Importance, weigher
from spark_jobs.patterns.partition import PARTITION_SCHEMA, PartitionTask, advance_partition, sums_of

SUMMARY_SCHEMA = pa.schema(
    [
        ("chunk_end", pa.int64()),
        ("transactions", pa.int64()),
        ("has_known_gender", pa.bool_()),
        ("merchants", pa.list_(pa.string())),
    ]
)


def summarize(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the facts of each chunk, with the merchants that it touches."""
    for batch in batches:
        for chunk in _chunks(batch):
            merchants = pc.unique(chunk.rows.column("merchant"))
            values = [[chunk.end], [chunk.transactions], [chunk.has_known_gender], [merchants.to_pylist()]]
            yield pa.record_batch(values, schema=SUMMARY_SCHEMA)


def unpack_sums(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the sums of chunks as rows of a partition."""
    for batch in batches:
        for chunk in _chunks(batch):
            yield from sums_of(chunk).to_batches()


def advance(
    task: PartitionTask, importance: "Broadcast[Importance] | None", batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield the outcome of a partition, packed."""
    rows = pa.Table.from_batches(batches, PARTITION_SCHEMA)
    if rows.num_rows:
        yield from pack(advance_partition(rows, task, weigher(importance.value if importance else None)))


def _chunks(batch: pa.RecordBatch) -> Iterator[ChunkSums]:
    for end, sums in zip(batch.column("chunk_end").to_pylist(), batch.column("sums").to_pylist(), strict=True):
        yield ChunkSums.unpack(end, sums)
