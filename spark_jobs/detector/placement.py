"""Where the state is: in the driver's memory, or in Delta and advanced by the executors."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from spark_jobs.detector.stream import named_error
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.pair_files import PairFile, files_with, read_pairs
from spark_jobs.lake.state_tables import LoadedState, StateTables
from spark_jobs.patterns.detect import Detector, Outcome, Reported, Rules
from spark_jobs.patterns.shards import Shard, advance_shard, merge, split
from spark_jobs.store.objects import open_objects

PLACEMENTS = ("driver", "cluster")


class Placement(Protocol):
    """Advances the state by one micro-batch after another; what it returns must be committed before the next."""

    @property
    def state(self) -> PairState | None:
        """The whole state, None where it is not in this process."""
        ...

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        """Return what a micro-batch of at least one chunk appends."""
        ...

    def facts(self) -> dict[str, int]:
        """Return what the log says of the last micro-batch."""
        ...


class DriverPlacement:
    """The state is in this process: a micro-batch costs what it touches."""

    def __init__(self, loaded: LoadedState, rules: Rules, now: Callable[[], datetime]) -> None:
        self._detector = Detector(loaded.pairs, loaded.reported, rules, now)

    @property
    def state(self) -> PairState:
        """See `Placement`."""
        return self._detector.state

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        """See `Placement`."""
        return self._detector.advance(chunks)

    def facts(self) -> dict[str, int]:
        """See `Placement`."""
        return {"pairs": len(self.state)}


@dataclass(frozen=True)
class ShardTask:
    """What an executor is sent: a shard, the files that may have its pairs, and what is looked for."""

    lake: str
    files: list[PairFile]
    shard: Shard
    reported: Reported
    rules: Rules
    started_at: datetime


class ClusterPlacement:
    """The state is in Delta alone: each micro-batch, executors read the pairs of the merchants that it touches."""

    def __init__(
        self,
        spark: SparkSession,
        lake: str,
        tables: StateTables,
        reported: Reported,
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._spark = spark
        self._lake = lake
        self._tables = tables
        self._reported = reported
        self._rules = rules
        self._now = now
        self._facts: dict[str, int] = {}

    state = None

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        """See `Placement`.

        Raises:
            PipelineError: what went wrong in an executor.
        """
        started_at = self._now()
        chunks = sorted(chunks, key=lambda chunk: chunk.end)
        files = self._tables.pair_files()
        tasks = [
            ShardTask(self._lake, files_with(files, shard.merchants), shard, self._reported, self._rules, started_at)
            for shard in split(chunks, self._spark.sparkContext.defaultParallelism)
        ]
        results = self._run(tasks)
        line = chunks[-1].end
        outcome = merge([outcome for outcome, _ in results], line, self._reported.next_seq, self._rules, self._now)
        self._reported = Reported(
            self._reported.next_seq + len(outcome.detections),
            self._reported.through_line,
            self._reported.beyond if line < self._reported.through_line else None,
        )
        self._facts = {
            "shards": len(tasks),
            "state_bytes": sum(file.size for file in files),
            "state_bytes_read": sum(read for _, read in results),
        }
        return outcome

    def facts(self) -> dict[str, int]:
        """See `Placement`."""
        return self._facts

    def _run(self, tasks: list[ShardTask]) -> list[tuple[Outcome, int]]:
        """Run each task where Spark likes, and return their outcomes with the bytes that they read."""
        if not tasks:
            return []
        packed = pa.table({"task": pa.array([pickle.dumps(task) for task in tasks], pa.binary())})
        # One row a partition: there are not more than can run side by side.
        frame = self._spark.createDataFrame(packed).mapInArrow(_run_tasks, "outcome binary")
        try:
            return [pickle.loads(outcome) for outcome in frame.toArrow().column("outcome").to_pylist()]
        except PySparkException as error:
            raise named_error(str(error)) or error from error


def _run_tasks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for packed in batch.column("task").to_pylist():
            task: ShardTask = pickle.loads(packed)
            yield pa.record_batch({"outcome": pa.array([pickle.dumps(_run_task(task))], pa.binary())})


def _run_task(task: ShardTask) -> tuple[Outcome, int]:
    state, read = read_pairs(open_objects(task.lake), task.files, task.shard.merchants)
    # Times are the driver's: clocks differ.
    return advance_shard(state, task.shard, task.reported, task.rules, lambda: task.started_at), read
