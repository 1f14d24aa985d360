"""The streaming query: chunks in, micro-batches to a function in this process, nothing kept in Spark."""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.core import errors
from spark_jobs.detector.chunk_source import FORMAT, ChunkSource


@dataclass(frozen=True)
class Chunks:
    """Which chunks are streamed.

    Attributes:
        lake: its URL.
        landing_format: `csv` or `delta`.
        start_line: the committed line.
        until_line: the chunk that holds the line before is the last one; None for no end.
        max_chunks: at most so many a micro-batch.
    """

    lake: str
    landing_format: str
    start_line: int
    until_line: int | None
    max_chunks: int


def open_session() -> SparkSession:
    """Return the cluster's session, or a local one where there is none."""
    # Workers must run this very interpreter, where the wheel is installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return (
        SparkSession.builder.appName("transaction-pattern-detector")
        .config("spark.ui.enabled", "false")
        # The checkpoint is disposable: its files need no checksum files beside them (docs/decisions/0005).
        .config("spark.hadoop.fs.AbstractFileSystem.file.impl", "org.apache.hadoop.fs.local.RawLocalFs")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        # The work is done in Python: the quick compiler alone takes 2 s off a local start (docs/decisions/0005).
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        # Nothing is kept in Spark between micro-batches, so nothing need be kept of them either.
        .config("spark.sql.streaming.minBatchesToRetain", "2")
        .config("spark.sql.streaming.numRecentProgressUpdates", "2")
        .getOrCreate()
    )


class ChunkStream:
    """A running query that hands each micro-batch's sums (`SUMS_SCHEMA`) to a function, one after another."""

    def __init__(
        self,
        spark: SparkSession,
        chunks: Chunks,
        process: Callable[[pa.Table], None],
    ) -> None:
        self._process = process
        self._failure: Exception | None = None
        # Disposable: every start begins at the committed line, so the checkpoint may lie on the driver's own disk.
        self._checkpoint = tempfile.TemporaryDirectory(prefix="detector-checkpoint-", ignore_cleanup_errors=True)
        spark.dataSource.register(ChunkSource)
        sums = (
            spark.readStream.format(FORMAT)
            .option("lake", chunks.lake)
            .option("landing_format", chunks.landing_format)
            .option("start_line", str(chunks.start_line))
            .option("until_line", str(-1 if chunks.until_line is None else chunks.until_line))
            .option("max_chunks", str(chunks.max_chunks))
            .option("partitions", str(spark.sparkContext.defaultParallelism))
            .load()
        )
        self._query = (
            sums.writeStream.foreachBatch(self._on_batch)
            .option("checkpointLocation", self._checkpoint.name)
            .trigger(processingTime="0 seconds")
            .start()
        )

    def wait(self, seconds: float) -> bool:
        """Wait for the query to end, at most so long; return whether it has ended.

        Raises:
            PipelineError: what made it end.
            StreamingQueryException: Spark itself failed.
        """
        try:
            return self._query.awaitTermination(seconds) is True  # type: ignore[arg-type]  # fractions do work
        except StreamingQueryException as error:
            if isinstance(self._failure, errors.PipelineError):
                raise self._failure from error
            # What a task or the planning of a batch raised comes as text.
            raise named_error(str(self._failure or error)) or error from error

    def stop(self) -> None:
        """End the query; the caller sees to it that no micro-batch is being committed."""
        self._query.stop()
        self._checkpoint.cleanup()

    def _on_batch(self, batch: DataFrame, batch_id: int) -> None:  # noqa: ARG002 - versions are lines, not batch ids
        try:
            self._process(batch.toArrow())
        except Exception as error:
            # Spark hands on only the text of it.
            self._failure = error
            raise


def named_error(text: str) -> errors.PipelineError | None:
    """Return the error that one of our classes raised inside Spark, from the text that Spark made of it."""
    found = re.search(r"spark_jobs\.core\.errors\.(\w+): (.*)", text)
    return getattr(errors, found.group(1))(found.group(2)) if found else None
