"""The state backend `spark`: totals live in Delta alone, and Spark brings them together with the sums of chunks.

A micro-batch reads the rows of the merchants that it touches, exchanges them with the sums by merchant, advances each
partition with the kernel, and appends the outcome (docs/decisions/0009).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from spark_jobs.detector.backend import BackendStart, ChunkFacts, Committed
from spark_jobs.detector.spark_tasks import SUMMARY_SCHEMA, advance, summarize, unpack_sums
from spark_jobs.engine.packed import PACKED, collect, pack, spark_schema, unpack
from spark_jobs.engine.spark_table import (
    CommitConflictError,
    SecondWriterError,
    SparkTable,
    merchants_predicate,
    translated,
)
from spark_jobs.errors import SecondDetectorError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake import layout
from spark_jobs.lake.lease import Lease
from spark_jobs.lake.loaded_state import NewestCommit
from spark_jobs.lake.rules import RecordedAdoption, adoption_marks, adoption_metadata
from spark_jobs.lake.state_tables import APPLICATION, StateTables
from spark_jobs.patterns import partition
from spark_jobs.patterns.detect import Reported
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, SHADOW_SCHEMA, Detection, detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.partition import COUNTS_SCHEMA, PARTITION_SCHEMA, PartitionTask
from spark_jobs.patterns.schedule import Adoption
from spark_jobs.store.commit_metadata import COMMIT_ID
from spark_jobs.store.failures import retry

_SPARK_SCHEMA = spark_schema(PARTITION_SCHEMA)
_PACKED_SCHEMA = pa.schema([("table", pa.string()), ("rows", pa.binary())])
# One table is compacted at a time.
_COMMITS_BETWEEN_COMPACTIONS = 15
# Fewer rows are not worth a task and a file of their own.
_ROWS_PER_TASK = 100_000
_Save = Callable[[DataFrame, tuple[str, int], Mapping[str, str]], None]


@dataclass(frozen=True)
class _ChunkFacts:
    end: int
    transactions: int
    has_known_gender: bool


@dataclass(frozen=True)
class SparkBatch:
    """A micro-batch: facts on its chunks, the merchants that it touches, and its sums, which stay in Spark."""

    facts: list[ChunkFacts]
    merchants: list[str]
    sums: DataFrame


class SparkBackend:
    """The state is in Delta alone: a micro-batch costs time in proportion to the pairs of the merchants it touches.

    Args:
        spark: the session of the stream.
        tables: the reader of the state.
        lease: without it, nothing is committed.
        start: what it starts with.
    """

    # Spark's cores work on one micro-batch at a time.
    reads_ahead = False

    def __init__(self, spark: SparkSession, tables: StateTables, lease: Lease, start: BackendStart) -> None:
        self._spark = spark
        self._tables = tables
        self._lease = lease
        self._reported = start.reported
        self._rules = start.rules
        self._now = start.now
        self._importance = spark.sparkContext.broadcast(start.importance) if start.importance else None
        self._newest = tables.newest_commit()
        self._recorded = tables.recorded_lines()
        self._appends = 0
        self._rewrite = False
        self._pool = ThreadPoolExecutor(3, thread_name_prefix="state")

    def collect(self, frame: DataFrame) -> SparkBatch | None:
        sums = frame.persist()
        with translated(self._tables.url):
            rows = sums.mapInArrow(summarize, spark_schema(SUMMARY_SCHEMA)).toArrow()
        if not rows.num_rows:
            return None
        merchants = pc.unique(rows.column("merchants").combine_chunks().flatten()).to_pylist()
        facts = (rows.column(name).to_pylist() for name in ("chunk_end", "transactions", "has_known_gender"))
        return SparkBatch(list(map(_ChunkFacts, *facts)), sorted(merchants), sums)

    def chunks(self, batch: SparkBatch) -> Sequence[ChunkFacts]:
        return batch.facts

    def adopt(self, recorded: RecordedAdoption, adoption: Adoption) -> None:
        with self._single_writer():
            self._verify_newest()
            # A commit of Spark carries one application transaction.
            for name, number in adoption_marks(recorded).items():
                none, append = self._empty(PAIRS_SCHEMA), self._table(layout.PAIRS).append
                self._commit_pairs(none, (name, number), adoption_metadata(recorded), append)
        self._rules = self._rules.with_adoption(adoption)

    def commit(self, batch: SparkBatch, metadata: Mapping[str, str]) -> Committed:
        line = max(chunk.end for chunk in batch.facts)
        task = PartitionTask(line, self._reported, self._rules, *self._recorded, self._rewrite, self._now())
        packed = self._advance(batch, task).persist()
        try:
            with self._single_writer():
                self._verify_newest()
                with translated(self._tables.url):
                    found = collect(packed, {partition.DETECTIONS: DETECTIONS_SCHEMA, partition.COUNTS: COUNTS_SCHEMA})
                counts = {
                    name: pc.sum(found[partition.COUNTS].column(name)).as_py() or 0 for name in COUNTS_SCHEMA.names
                }
                detections = partition.number_detections(
                    found[partition.DETECTIONS], self._reported.next_seq, self._now
                )
                self._append_beside_pairs(packed, detections, counts, line)
                pairs = self._rows(packed, partition.PAIRS, PAIRS_SCHEMA, counts["pairs_written"])
                counted = self._tables.counted(detections, metadata)
                replaced = batch.merchants if task.every_pair else []
                self._commit_pairs(pairs, (APPLICATION, line), counted, self._replacing(replaced, counts))
        finally:
            packed.unpersist()
            batch.sums.unpersist()
        self._advance_to(line, len(detections))
        self._rewrite = is_worth_rewriting(counts)
        return Committed(line, detections, counts)

    def compact_if_due(self, line: int, metadata: Mapping[str, str]) -> str | None:  # noqa: ARG002 - as of the driver
        self._appends += 1
        if self._appends % _COMMITS_BETWEEN_COMPACTIONS:
            return None
        tables = self._tables.names()
        due = tables[self._appends // _COMMITS_BETWEEN_COMPACTIONS % len(tables)]
        self._lease.verify()
        self._table(due).optimize()
        return self._table(due).url

    def _advance(self, batch: SparkBatch, task: PartitionTask) -> DataFrame:
        """Return the outcome of each partition, packed."""
        state = self._table(layout.PAIRS).rows(merchants_predicate(batch.merchants) if batch.merchants else "false")
        of_sums = (
            lit(None).cast(field.dataType).alias(field.name) for field in _SPARK_SCHEMA.fields[len(PAIRS_SCHEMA) :]
        )
        rows = state.select(*PAIRS_SCHEMA.names, *of_sums).union(batch.sums.mapInArrow(unpack_sums, _SPARK_SCHEMA))
        # All rows of a merchant in one partition, and as few partitions as there are cores: the kernel's time per
        # chunk hardly depends on the number of merchants.
        partitions = rows.repartition(self._spark.sparkContext.defaultParallelism, "merchant")
        return partitions.mapInArrow(partial(advance, task, self._importance), PACKED)

    def _append_beside_pairs(
        self, packed: DataFrame, detections: Sequence[Detection], counts: Mapping[str, int], line: int
    ) -> None:
        """Append to all tables but pairs, in parallel: rows that a kill leaves beyond pairs are correct."""
        frames = {}
        if counts["merchants"]:
            rows = self._rows(packed, partition.MERCHANTS, MERCHANTS_SCHEMA, counts["merchants"])
            frames[layout.MERCHANTS] = rows
        if counts["shadow"]:
            self._tables.create_shadow()
            frames[layout.SHADOW] = self._rows(packed, partition.SHADOW, SHADOW_SCHEMA, counts["shadow"])
        if detections:
            frames[layout.DETECTIONS] = self._frame_of(detection_rows(detections), DETECTIONS_SCHEMA)
        self._lease.verify()
        commits = [
            self._pool.submit(self._table(name).append, rows, (APPLICATION, line), {}) for name, rows in frames.items()
        ]
        for commit in commits:
            commit.result()

    def _replacing(self, merchants: Sequence[str], counts: Mapping[str, int]) -> _Save:
        """Return how to write pairs: in place of the rows that were read of some merchants, or beside all rows."""
        pairs = self._table(layout.PAIRS)
        if not merchants:
            return pairs.append
        predicate = None if counts["state_rows"] == self._newest.rows else merchants_predicate(merchants)
        return lambda rows, transaction, metadata: retry(
            # The rows are the same whatever maintenance has rewritten meanwhile.
            lambda: pairs.replace(rows, predicate, transaction, metadata),
            on=CommitConflictError,
        )

    def _commit_pairs(
        self, rows: DataFrame, transaction: tuple[str, int], metadata: Mapping[str, str], save: _Save
    ) -> None:
        commit_id = uuid4().hex
        self._lease.verify()
        save(rows, transaction, {**metadata, COMMIT_ID: commit_id})
        application, version = transaction
        self._newest = NewestCommit(version if application == APPLICATION else self._newest.line, commit_id)

    def _advance_to(self, line: int, detections: int) -> None:
        reported = self._reported
        beyond = reported.beyond if line < reported.through_line else None
        self._reported = Reported(reported.next_seq + detections, reported.through_line, beyond)
        merchants, shadow = self._recorded
        self._recorded = (max(line, merchants), max(line, shadow))

    def _verify_newest(self) -> None:
        """Verify that the newest commit to pairs is this detector's own."""
        newest = self._tables.newest_commit()
        if newest != self._newest:
            raise SecondWriterError(f"{self._table(layout.PAIRS).url}: another writer has committed")
        self._newest = newest

    @contextmanager
    def _single_writer(self) -> Iterator[None]:
        try:
            yield
        except SecondWriterError as error:
            msg = f"{error}: a second detector runs on {self._tables.url}; stop one of them, nothing was lost"
            raise SecondDetectorError(msg) from error

    def _rows(self, packed: DataFrame, name: str, schema: pa.Schema, count: int) -> DataFrame:
        """Return the rows of a table, in as many files as are worth writing in parallel."""
        cores = self._spark.sparkContext.defaultParallelism
        return unpack(packed.coalesce(max(1, min(cores, count // _ROWS_PER_TASK))), name, schema)

    def _frame_of(self, rows: pa.Table, schema: pa.Schema) -> DataFrame:
        """Return rows of this process as a DataFrame with one partition."""
        packed = pa.Table.from_batches(list(pack({"rows": rows})), _PACKED_SCHEMA)
        return unpack(self._spark.createDataFrame(packed).coalesce(1), "rows", schema)

    def _empty(self, schema: pa.Schema) -> DataFrame:
        return self._spark.createDataFrame([], spark_schema(schema))

    def _table(self, name: str) -> SparkTable:
        return SparkTable(self._spark, self._tables.place(name))


def is_worth_rewriting(counts: Mapping[str, int]) -> bool:
    """Return whether the next micro-batch should replace what it reads, given the counts of the last one.

    Superseded rows cost as much to read as others. With t of p pairs touched each time and s superseded rows, reading
    them has cost about s² / 2t rows since the last rewrite: rewriting is due once its p - t more rows cost no more.
    """
    pairs, touched = counts["pairs"], counts["pairs_touched"]
    superseded = counts["state_rows"] + touched - pairs if counts["pairs_written"] < pairs else 0
    return touched > 0 and superseded**2 >= 2 * touched * (pairs - touched)
