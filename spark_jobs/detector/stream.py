"""The streaming query: chunks in, micro-batches to a function in this process, nothing kept in Spark."""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyspark
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.core import errors
from spark_jobs.core.chunk_sums import ChunkSums
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
    """Return the session of the Databricks cluster, or a local one where there is none."""
    # Workers must run this very interpreter, where the wheel is installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("transaction-pattern-detector")
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        for key, value in _local_settings().items():
            builder = builder.config(key, value)
    return builder.getOrCreate()


def _local_settings() -> dict[str, str]:
    streaming = "org.apache.spark.sql.execution.streaming" + ("" if pyspark.__version__ < "4.1" else ".checkpointing")
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # The work is done in Python: the quick compiler alone takes 2 s off a start (docs/decisions/0003).
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # Over TCP each task waits 40 ms for an acknowledgement; Spark 4.0 does not know the setting.
        "spark.python.unix.domain.socket.enabled": "true",
        # Nothing is kept in Spark between micro-batches, so nothing need be kept of them either.
        "spark.sql.streaming.minBatchesToRetain": "2",
        "spark.sql.streaming.numRecentProgressUpdates": "2",
        # The checkpoint is disposable: no checksum files beside its own, and no `chmod` run for each of them, which
        # takes half of Spark's own time a micro-batch (docs/decisions/0003).
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.sql.streaming.checkpointFileManagerClass": f"{streaming}.FileSystemBasedCheckpointFileManager",
    }


class ChunkStream:
    """A running query that hands the sums of each micro-batch's chunks, one at least, to a function, batch by batch."""

    def __init__(
        self,
        spark: SparkSession,
        chunks: Chunks,
        process: Callable[[list[ChunkSums]], None],
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
            .option("checkpointLocation", Path(self._checkpoint.name).as_uri())
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
            chunks = [ChunkSums.unpack(row["chunk_end"], row["sums"]) for row in batch.toArrow().to_pylist()]
            # Spark begins every query with a batch, be it without a chunk.
            if chunks:
                self._process(chunks)
        except Exception as error:
            # Spark hands on only the text of it.
            self._failure = error
            raise


def named_error(text: str) -> errors.PipelineError | None:
    """Return the error that one of our classes raised inside Spark, from the text that Spark made of it."""
    found = re.search(r"spark_jobs\.core\.errors\.(\w+): (.*)", text)
    return getattr(errors, found.group(1))(found.group(2)) if found else None
