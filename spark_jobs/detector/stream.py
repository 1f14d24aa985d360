"""The streaming query, which passes micro-batches of chunks to a function in this process."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs import errors
from spark_jobs.detector.backend import Batch
from spark_jobs.detector.chunk_source import FORMAT, ChunkSource
from spark_jobs.engine.spark_table import named_error


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


class ChunkStream(Generic[Batch]):
    """A running query that calls `process` with each micro-batch that `collect` returns."""

    def __init__(
        self,
        spark: SparkSession,
        chunks: Chunks,
        collect: Callable[[DataFrame], Batch | None],
        process: Callable[[Batch], None],
    ) -> None:
        self._collect = collect
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
            # The first batch of a query may be empty.
            if collected := self._collect(batch):
                self._process(collected)
        except Exception as error:
            # Spark passes on its text only.
            self._failure = error
            raise
