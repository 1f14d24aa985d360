"""Cost of three ways to bring a micro-batch's sums to the pairs of their merchants (docs/decisions/0009).

- `mapInArrow`: what the state backend `spark` does; one exchange by merchant, one call of the kernel per partition.
- `cogroup`: `applyInArrow` of the same kernel, called once per merchant. Its detections must be the same.
- `transformWithState`: `transformWithStateInPandas` by merchant, a map of totals by customer in RocksDB. It only adds
  the sums to the touched pairs: no percentiles, patterns or detections.

`python -m benchmarks.grouping_cost` prints a table in Markdown. A micro-batch of the first two reads 1 million pairs of
100 merchants from a local Delta table, collects the detections and appends the touched pairs to another one.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle

from benchmarks.kernel_cost import Shape, chunks_of, state_rows
from benchmarks.spark_cost import Cpu, cpu_used
from local.jars import delta_jars
from spark_jobs.detector.spark_tasks import advance, unpack_sums
from spark_jobs.engine.packed import PACKED, collect, spark_schema, unpack
from spark_jobs.engine.session import open_session
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.patterns import partition
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, Detection
from spark_jobs.patterns.partition import PARTITION_SCHEMA, PartitionTask
from spark_jobs.patterns.schedule import Rules

# The first micro-batches are slower, until the JVM has compiled what it runs.
_WARM_UP = 3
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_RULES = Rules(BUILT_IN, every_chunk=False)
_TOTALS = ("transactions", "amount_paise", "weight_units", "weighted_transactions")
_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def _of_partitions(state: DataFrame, sums: DataFrame, task: PartitionTask) -> DataFrame:
    rows = state.unionByName(sums, allowMissingColumns=True)
    cores = state.sparkSession.sparkContext.defaultParallelism
    return rows.repartition(cores, "merchant").mapInArrow(partial(advance, task, None), PACKED)


def _of_groups(state: DataFrame, sums: DataFrame, task: PartitionTask) -> DataFrame:
    def advance_merchant(pairs: pa.Table, of_chunks: pa.Table) -> pa.Table:
        rows = pa.concat_tables([pairs, of_chunks], promote_options="default").cast(PARTITION_SCHEMA)
        return pa.Table.from_batches(advance(task, None, iter(rows.to_batches())))

    return state.groupBy("merchant").cogroup(sums.groupBy("merchant")).applyInArrow(advance_merchant, PACKED)


def _commit(frame: DataFrame, pairs: Path) -> list[Detection]:
    """Append the pairs of an outcome to a table; return its detections."""
    packed = frame.persist()
    found = collect(packed, {partition.DETECTIONS: DETECTIONS_SCHEMA})[partition.DETECTIONS]
    unpack(packed, partition.PAIRS, PAIRS_SCHEMA).write.format("delta").mode("append").save(pairs.as_uri())
    packed.unpersist()
    return partition.number_detections(found, 0, lambda: _NOW)


class _AddToTotals(StatefulProcessor):
    """Adds the sums of a merchant's pairs to their totals, and returns how many there are."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        totals = ", ".join(f"{name} long" for name in _TOTALS)
        self._totals = handle.getMapState("totals", "customer string", totals)

    def handleInputRows(  # type: ignore[override]  # noqa: N802 - frames, as with Pandas
        self,
        key: object,  # noqa: ARG002
        rows: Iterator[pd.DataFrame],
        timerValues: object,  # noqa: ARG002, N803
    ) -> Iterator[pd.DataFrame]:
        """Add the sums of a merchant."""
        pairs = 0
        for frame in rows:
            for customer, *sums in frame[["customer", *_TOTALS]].itertuples(index=False, name=None):
                before = self._totals.getValue((customer,)) or (0,) * len(sums)
                self._totals.updateValue((customer,), tuple(map(int.__add__, before, sums)))
            pairs += len(frame)
        yield pd.DataFrame({"pairs": [pairs]})

    def close(self) -> None:
        """Hold nothing that outlives a partition."""


def _sums_by_pair(chunks: Iterable[ChunkSums]) -> pa.Table:
    rows = pa.concat_tables(chunk.rows for chunk in chunks)
    sums = rows.group_by(["merchant", "customer"]).aggregate([(name, "sum") for name in _TOTALS])
    return pa.table(sums.columns, names=["merchant", "customer", *_TOTALS])


def _stream(spark: SparkSession, directory: Path) -> Callable[[str, pa.Table], None]:
    """Start a query that keeps totals in RocksDB; return what feeds it a micro-batch and waits for its commit."""
    # What uploads RocksDB's files casts to Hadoop's own class, which `open_session` replaces.
    spark.conf.set("fs.file.impl", "org.apache.hadoop.fs.LocalFileSystem")
    spark.conf.set("fs.file.impl.disable.cache", "true")
    arriving = directory / "arriving"
    arriving.mkdir()
    rows = spark.readStream.schema(f"merchant string, customer string, {', '.join(f'{n} long' for n in _TOTALS)}")
    grouped = rows.parquet(arriving.as_uri()).groupBy("merchant")
    updated = grouped.transformWithStateInPandas(_AddToTotals(), "pairs long", "update", "none")
    stream = updated.writeStream.format("noop").outputMode("update")
    query = stream.option("checkpointLocation", (directory / "checkpoint").as_uri()).start()

    def feed(name: str, table: pa.Table) -> None:
        pq.write_table(table, directory / name)
        (directory / name).rename(arriving / name)
        query.processAllAvailable()

    return feed


def _cpu_of(work: Callable[[int], object], repetitions: int) -> Cpu:
    """Return the mean CPU of a micro-batch, without the first ones."""
    used = []
    for number in range(_WARM_UP + repetitions):
        before = cpu_used(os.getpid())
        work(number)
        used.append(cpu_used(os.getpid()).since(before))
        print(used[-1], file=sys.stderr, flush=True)
    rows = [astuple(cpu) for cpu in used[_WARM_UP:]]
    return Cpu(*np.mean(rows, axis=0))


def measure(directory: Path, options: argparse.Namespace) -> Iterator[tuple[str, Cpu, int]]:
    """Yield each variant with the mean CPU of a micro-batch, and the number of pairs that it touches."""
    random = np.random.default_rng(7)
    shape = Shape(options.pairs, options.merchants)
    first, *chunks = chunks_of(shape, options.chunks + 1, random)
    detector = Detector(
        restore_state(state_rows(shape.pairs, shape.merchants, random)), Reported(), _RULES, lambda: _NOW
    )
    # A detector that has run for a while has reported what already holds.
    detector.advance([first])
    rows = all_pair_rows(detector.state, first.end).sort_by("merchant")
    write_deltalake(directory / "state", rows)
    by_pair = _sums_by_pair(chunks)

    spark = open_session(directory.as_uri())
    state = spark.read.format("delta").load((directory / "state").as_uri())
    columns = {"chunk_end": [chunk.end for chunk in chunks], "sums": [chunk.packed() for chunk in chunks]}
    packed = spark.createDataFrame(pa.table(columns)).repartition(spark.sparkContext.defaultParallelism).persist()
    sums = packed.mapInArrow(unpack_sums, spark_schema(PARTITION_SCHEMA))
    task = PartitionTask(chunks[-1].end, Reported(), _RULES, 0, 0, False, _NOW)
    found: list[list[Detection]] = []
    for name, advanced in (("mapInArrow", _of_partitions), ("cogroup", _of_groups)):
        if name in options.only:

            def micro_batch(
                _: int, advanced: Callable[..., DataFrame] = advanced, pairs: Path = directory / name
            ) -> None:
                found.append(_commit(advanced(state, sums, task), pairs))

            yield name, _cpu_of(micro_batch, options.repetitions), by_pair.num_rows
    if found:
        assert all(detections == found[0] for detections in found), "the detections differ"
        print(f"{len(found[0]):,} detections each time", file=sys.stderr)
    if "transformWithState" in options.only:
        feed = _stream(spark, directory)
        feed("all", rows.select(by_pair.column_names))
        cpu = _cpu_of(lambda number: feed(f"sums{number}", by_pair), options.repetitions)
        yield "transformWithState", cpu, by_pair.num_rows
    spark.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the variants; print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--merchants", type=int, default=100)
    parser.add_argument("--chunks", type=int, default=20, help="per micro-batch (%(default)s)")
    parser.add_argument("--repetitions", type=int, default=5, help=f"that count, after {_WARM_UP} others (%(default)s)")
    variants = ("mapInArrow", "cogroup", "transformWithState")
    parser.add_argument("--only", nargs="+", choices=variants, default=variants)
    options = parser.parse_args(arguments)
    submit = ["--master local[2]", "--driver-memory 4g", f"--jars {','.join(map(str, delta_jars()))}"]
    submit.append(f"--conf spark.sql.streaming.stateStore.providerClass={_ROCKSDB}")
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join([*submit, "pyspark-shell"])
    columns = ("variant", "driver", "JVM", "workers", "CPU s", "ms per chunk", "µs per touched pair")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    with tempfile.TemporaryDirectory(prefix="grouping-cost-") as name:
        for variant, cpu, pairs in measure(Path(name), options):
            total = cpu.driver + cpu.jvm + cpu.workers
            print(
                f"| {variant} | {cpu.driver:.2f} | {cpu.jvm:.2f} | {cpu.workers:.2f} | {total:.2f}"
                f" | {total / options.chunks * 1e3:,.0f} | {total / pairs * 1e6:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
