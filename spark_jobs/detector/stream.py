"""The streaming query, which passes micro-batches of chunks to a function in this process."""

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

from spark_jobs import errors
from spark_jobs.detector.chunk_source import FORMAT, ChunkSource
from spark_jobs.kernel.chunk_sums import ChunkSums


@dataclass(frozen=True)
class Chunks:
    """The chunks to stream.

    Attributes:
        lake: URL of the lake.
        landing_format: `csv` or `delta`.
        start_line: the committed line.
        until_line: the chunk that contains the line before it is the last one; None for no end.
        max_chunks: chunks per micro-batch, at most.
    """

    lake: str
    landing_format: str
    start_line: int
    until_line: int | None
    max_chunks: int


# The settings that a running session accepts; the others are fixed when the cluster starts.
_SESSION_SETTINGS = {
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Nothing is kept in Spark between micro-batches.
    "spark.sql.streaming.minBatchesToRetain": "2",
    "spark.sql.streaming.numRecentProgressUpdates": "2",
}


def open_session() -> SparkSession:
    """Return the session of the Databricks cluster, or a local one elsewhere.

    Raises:
        AccessModeError: the session is one of Spark Connect.
    """
    # Workers must run this interpreter, in which the wheel is installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("transaction-pattern-detector")
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        for key, value in _start_settings().items():
            builder = builder.config(key, value)
    return prepared(builder.getOrCreate())


def prepared(spark: SparkSession) -> SparkSession:
    """Return a session with the settings that can be set while it is running.

    Raises:
        AccessModeError: the session is one of Spark Connect, where micro-batches run in another process.
    """
    if any(base.__module__.startswith("pyspark.sql.connect.") for base in type(spark).__mro__):
        msg = (
            "the detector cannot run on serverless compute or in standard access mode (Spark Connect): "
            'run it on a cluster in dedicated access mode (data_security_mode "SINGLE_USER")'
        )
        raise errors.AccessModeError(msg)
    for key, value in _SESSION_SETTINGS.items():
        spark.conf.set(key, value)
    return spark


def _start_settings() -> dict[str, str]:
    streaming = "org.apache.spark.sql.execution.streaming" + ("" if pyspark.__version__ < "4.1" else ".checkpointing")
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # The work is done in Python: using the C1 compiler alone saves 2 s at a start (docs/decisions/0003).
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # Over TCP each task waits 40 ms for an acknowledgement; Spark 4.0 ignores the setting.
        "spark.python.unix.domain.socket.enabled": "true",
        # The checkpoint is disposable: skip checksum files, and a `chmod` process for each, which take half of Spark's
        # own time per micro-batch (docs/decisions/0003).
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.sql.streaming.checkpointFileManagerClass": f"{streaming}.FileSystemBasedCheckpointFileManager",
    }


class ChunkStream:
    """A running query that calls `process` with the sums of each micro-batch's chunks, at least one."""

    def __init__(
        self,
        spark: SparkSession,
        chunks: Chunks,
        process: Callable[[list[ChunkSums]], None],
    ) -> None:
        self._process = process
        self._failure: Exception | None = None
        # Disposable, hence on the driver's own disk: every start begins at the committed line.
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
        """Wait up to `seconds` for the query to end; return whether it has ended.

        Raises:
            PipelineError: the failure that ended it.
            StreamingQueryException: Spark itself failed.
        """
        try:
            return self._query.awaitTermination(seconds) is True  # type: ignore[arg-type]  # fractions work
        except StreamingQueryException as error:
            if isinstance(self._failure, errors.PipelineError):
                raise self._failure from error
            # Spark passes failures of tasks and of planning as text.
            raise named_error(str(self._failure or error)) or error from error

    def stop(self) -> None:
        """End the query; no micro-batch may be in the middle of a commit."""
        self._query.stop()
        self._checkpoint.cleanup()

    def _on_batch(self, batch: DataFrame, batch_id: int) -> None:  # noqa: ARG002 - versions are lines, not batch ids
        try:
            chunks = [ChunkSums.unpack(row["chunk_end"], row["sums"]) for row in batch.toArrow().to_pylist()]
            # The first batch of a query may be empty.
            if chunks:
                self._process(chunks)
        except Exception as error:
            # Spark passes on its text only.
            self._failure = error
            raise


def named_error(text: str) -> errors.PipelineError | None:
    """Return the error of ours in the text of a Spark exception, or None if there is none."""
    found = re.search(r"spark_jobs\.errors\.(\w+): (.*)", text)
    return getattr(errors, found.group(1))(found.group(2)) if found else None
