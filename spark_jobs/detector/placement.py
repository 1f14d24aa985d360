"""Placements of the state: in the driver's memory, or in Delta, advanced by executors."""

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
from spark_jobs.patterns.detect import Detector, Outcome, Reported
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.patterns.shards import Shard, advance_shard, merge, split
from spark_jobs.store.objects import open_objects

PLACEMENTS = ("driver", "cluster")


class Placement(Protocol):
    """Advances the state by micro-batches; each outcome must be committed before the next call."""

    @property
    def state(self) -> PairState | None:
        """The whole state, None if it is not in this process."""
        ...

    def adopt(self, adoption: Adoption) -> None:
        """Put another version of the rules in force, for chunks that end beyond a line."""
        ...

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        """Return the outcome of a micro-batch of at least one chunk."""
        ...

    def facts(self) -> dict[str, int]:
        """Return figures on the last micro-batch, for the log."""
        ...


class DriverPlacement:
    """The state is in this process: a micro-batch costs time in proportion to what it touches."""

    def __init__(self, loaded: LoadedState, rules: Rules, now: Callable[[], datetime]) -> None:
        self._detector = Detector(loaded.pairs, loaded.reported, rules, now)

    @property
    def state(self) -> PairState:
        return self._detector.state

    def adopt(self, adoption: Adoption) -> None:
        self._detector.adopt(adoption)

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        return self._detector.advance(chunks)

    def facts(self) -> dict[str, int]:
        return {"pairs": len(self.state)}


@dataclass(frozen=True)
class ShardTask:
    """The task of an executor: a shard, the files that may contain its pairs, and the rules."""

    lake: str
    files: list[PairFile]
    shard: Shard
    reported: Reported
    rules: Rules
    started_at: datetime


class ClusterPlacement:
    """The state is in Delta alone: for each micro-batch, executors read the pairs of the touched merchants."""

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

    def adopt(self, adoption: Adoption) -> None:
        self._rules = self._rules.with_adoption(adoption)

    def advance(self, chunks: Sequence[ChunkSums]) -> Outcome:
        started_at = self._now()
        chunks = sorted(chunks, key=lambda chunk: chunk.end)
        files = self._tables.pair_files()
        tasks = [
            ShardTask(self._lake, files_with(files, shard.merchants), shard, self._reported, self._rules, started_at)
            for shard in split(chunks, self._spark.sparkContext.defaultParallelism)
        ]
        results = self._run(tasks)
        line = chunks[-1].end
        outcome = merge([outcome for outcome, _ in results], line, self._reported.next_seq, self._now)
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
        return self._facts

    def _run(self, tasks: list[ShardTask]) -> list[tuple[Outcome, int]]:
        """Run the tasks on executors; return their outcomes with the bytes read."""
        if not tasks:
            return []
        packed = pa.table({"task": pa.array([pickle.dumps(task) for task in tasks], pa.binary())})
        # At most one task per core, so that each row becomes a partition.
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
    # Clocks differ: use the driver's time.
    return advance_shard(state, task.shard, task.reported, task.rules, lambda: task.started_at), read
