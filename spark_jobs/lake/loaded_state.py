"""What is read of a state's tables before micro-batches are committed to them."""

from collections import Counter
from dataclasses import dataclass, field

from spark_jobs.kernel.pair_state import PairState
from spark_jobs.patterns.detect import Reported


@dataclass(frozen=True)
class LoadedState:
    """The state at the start of a detector.

    Attributes:
        pairs: the state, including what was reported of its pairs and merchants; empty if it was not requested.
        committed_line: all lines below it are in `pairs`.
        reported: what `state/detections` has beyond `pairs`.
        detections: their number by pattern id.
        recorded_line: everything below it keeps its rules: rows of detections or shadow may be recorded up to there.
    """

    pairs: PairState
    committed_line: int
    reported: Reported
    detections: Counter[str]
    recorded_line: int


@dataclass(frozen=True)
class NewestCommit:
    """The newest commit to pairs: the committed line, its id, and the rows of the table."""

    line: int
    id: str | None
    rows: int = field(default=0, compare=False)
