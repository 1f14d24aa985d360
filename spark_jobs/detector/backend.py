"""State backends: where the totals live, and how a micro-batch advances them and is committed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from pyspark.sql import DataFrame

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.importance import Importance, weigher
from spark_jobs.lake.rules import RecordedAdoption
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.schedule import Adoption, Rules

DRIVER, SPARK = "driver", "spark"


class ChunkFacts(Protocol):
    """What is counted of each chunk: see `ChunkSums`."""

    @property
    def end(self) -> int: ...

    @property
    def transactions(self) -> int: ...

    @property
    def has_known_gender(self) -> bool: ...


@dataclass(frozen=True)
class Committed:
    """A committed micro-batch.

    Attributes:
        line: the committed line.
        detections: in order of `seq`.
        facts: figures for the log.
    """

    line: int
    detections: Sequence[Detection]
    facts: dict[str, int]


@dataclass(frozen=True)
class BackendStart:
    """What a state backend starts with.

    Attributes:
        reported: what has been reported beyond the state.
        rules: which patterns are in force, and from which line on.
        now: the clock, with a time zone.
        importance: the weights of transactions; None if they come with the transactions.
    """

    reported: Reported
    rules: Rules
    now: Callable[[], datetime]
    importance: Importance | None = None


Batch = TypeVar("Batch")


class StateBackend(Protocol[Batch]):
    """Advances the state by micro-batches, one after another, and commits them.

    Attributes:
        reads_ahead: the next micro-batch may be collected while one is being committed.
    """

    reads_ahead: bool

    def collect(self, frame: DataFrame) -> Batch | None:
        """Return a micro-batch of the stream; None if it has no chunks."""
        ...

    def chunks(self, batch: Batch) -> Sequence[ChunkFacts]:
        """Return the chunks of a micro-batch, at least one, in any order."""
        ...

    def adopt(self, recorded: RecordedAdoption, adoption: Adoption) -> None:
        """Record that a version of the rules is in force from a line on, and put it in force."""
        ...

    def commit(self, batch: Batch, metadata: Mapping[str, str]) -> Committed:
        """Advance the state by a micro-batch, and append the outcome to the tables.

        Raises:
            SecondDetectorError: another detector has committed; its state is correct, and this one must stop.
            StorageError: the store failed; restart from the committed line.
        """
        ...

    def compact_if_due(self, line: int, metadata: Mapping[str, str]) -> str | None:
        """Compact one table if it is due; return its URL. Raises the errors of `commit`."""
        ...


class DriverBackend:
    """The state is in this process: a micro-batch costs time in proportion to what it touches."""

    reads_ahead = True

    def __init__(self, tables: StateTables, pairs: PairState, start: BackendStart) -> None:
        self._tables = tables
        self._detector = Detector(pairs, start.reported, start.rules, start.now, weigher(start.importance))

    def collect(self, frame: DataFrame) -> Sequence[ChunkSums] | None:
        return [ChunkSums.unpack(row["chunk_end"], row["sums"]) for row in frame.toArrow().to_pylist()]

    def chunks(self, batch: Sequence[ChunkSums]) -> Sequence[ChunkFacts]:
        return batch

    def adopt(self, recorded: RecordedAdoption, adoption: Adoption) -> None:
        self._tables.adopt(recorded)
        self._detector.adopt(adoption)

    def commit(self, batch: Sequence[ChunkSums], metadata: Mapping[str, str]) -> Committed:
        outcome = self._detector.advance(batch)
        self._tables.commit(outcome, metadata)
        facts = {"pairs_touched": outcome.pairs.num_rows, "pairs": len(self._detector.state)}
        return Committed(outcome.line, outcome.detections, facts)

    def compact_if_due(self, line: int, metadata: Mapping[str, str]) -> str | None:
        return self._tables.compact_if_due(self._detector.state, line, metadata)
