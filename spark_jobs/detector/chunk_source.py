"""The landing zone as a streaming source whose offset is a line: `spark.readStream.format("transaction_chunks")`.

A partition is a range of chunks, summed where they are read (`sum_chunk`), so that a micro-batch needs no shuffle. The
latest offset is the landed line: one small GET, at most ten per second while idle.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.lake.landing import Chunk, Landing, list_chunks, open_landing
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.store.objects import Objects, open_objects

FORMAT = "transaction_chunks"
_SECONDS_BETWEEN_IDLE_POLLS = 0.1
# The sums of a chunk cross the JVM as one value: converting them row by row costs more than reading them
# (docs/decisions/0003).
_SCHEMA = "chunk_end long, sums binary"


@dataclass
class ChunkPartition(InputPartition):
    """Consecutive chunks that one task reads."""

    chunks: tuple[Chunk, ...]


class ChunkSource(DataSource):
    """Options: `lake`, `landing_format`, `start_line`, `until_line` (-1 for none), `max_chunks`, `partitions`."""

    @classmethod
    def name(cls) -> str:
        """Return the name for `format(…)`."""
        return FORMAT

    def schema(self) -> str:
        """Return the schema: one row per chunk, with the line after its last one and its sums (`ChunkSums.packed`)."""
        return _SCHEMA

    def streamReader(self, schema: StructType) -> "ChunkStreamReader":  # noqa: ARG002, N802 - Spark's interface
        """Return the reader of a streaming query."""
        return ChunkStreamReader(dict(self.options))


class ChunkStreamReader(DataSourceStreamReader):
    """Plans micro-batches in the driver, and reads chunks in the executors."""

    def __init__(self, options: dict[str, str]) -> None:
        self._lake_url = options["lake"]
        self._landing_format = options["landing_format"]
        self._until_line = int(options["until_line"])
        self._max_chunks = int(options["max_chunks"])
        self._partitions = int(options["partitions"])
        self._planned_line = int(options["start_line"])
        self._planned: list[Chunk] = []
        self._idle_since: float | None = None

    def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's interface
        """Return the committed line."""
        return {"line": self._planned_line}

    def getDefaultReadLimit(self) -> Any:  # noqa: N802 - Spark's interface
        """Return `max_chunks` as the limit of a micro-batch; before Spark 4.2, `latestOffset` applies it itself."""
        from pyspark.sql.streaming.datasource import ReadMaxFiles  # absent before Spark 4.2

        return ReadMaxFiles(self._max_chunks)

    def latestOffset(self, start: dict[str, int] | None = None, limit: Any = None) -> dict[str, int]:  # noqa: N802
        """Return the end of the next micro-batch: the landed line, or `max_chunks` chunks on.

        Spark 4.0 and 4.1 pass neither `start` nor `limit`; the start is then the last planned line.
        """
        line = start["line"] if start else self._planned_line
        most = self._max_chunks if limit is None else getattr(limit, "max_files", None)
        landed = self._poll(line)
        if landed <= line or 0 <= self._until_line <= line:
            return {"line": line}
        # The last chunk is the one that contains the line before `until_line`.
        self._planned = [
            chunk
            for chunk in self._chunks(line, landed, most)
            if self._until_line < 0 or chunk.first < self._until_line
        ]
        return {"line": self._planned[-1].end}

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> Sequence[InputPartition]:
        """Split the chunks from `start` to `end` into as many partitions as can run in parallel."""
        self._planned_line = end["line"]
        if start["line"] == end["line"]:
            return []
        chunks = self._planned
        if not chunks or (chunks[0].first, chunks[-1].end) != (start["line"], end["line"]):
            # Spark may plan another range than the last one returned.
            chunks = self._chunks(start["line"], end["line"], None)
        size = -(-len(chunks) // self._partitions)
        return [ChunkPartition(tuple(chunks[at : at + size])) for at in range(0, len(chunks), size)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Yield one row per chunk of a partition; a chunk is read while the previous one is summed."""
        assert isinstance(partition, ChunkPartition)
        landing = _landing(self._lake_url, self._landing_format)

        def read(chunk: Chunk) -> pa.Table:
            return landing.read(chunk.first, chunk.end, CHUNK_COLUMNS)

        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
            coming = ahead.submit(read, partition.chunks[0])
            for chunk, following in zip_longest(partition.chunks, partition.chunks[1:]):
                table = coming.result()
                if following:
                    coming = ahead.submit(read, following)
                sums = sum_chunk(table, chunk.end)
                yield pa.record_batch({"chunk_end": [sums.end], "sums": [sums.packed()]})

    def _poll(self, line: int) -> int:
        """Return the landed line, at least 0.1 s after the last poll if that found nothing."""
        if self._idle_since is not None:
            time.sleep(max(0.0, self._idle_since + _SECONDS_BETWEEN_IDLE_POLLS - time.monotonic()))
        landed = read_landed_line(_lake(self._lake_url))
        self._idle_since = time.monotonic() if landed <= line else None
        return landed

    def _chunks(self, start: int, landed: int, most: int | None) -> list[Chunk]:
        return list_chunks(_landing(self._lake_url, self._landing_format), self._lake_url, start, landed, most)


# Opened once per process: Python workers outlive their tasks, and so do their connections.
@cache
def _lake(url: str) -> Objects:
    return open_objects(url)


@cache
def _landing(url: str, landing_format: str) -> Landing:
    return open_landing(landing_format, _lake(url))
