"""Advancing the state by a micro-batch and evaluating the patterns; shared by all placements of the state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import pair_rows
from spark_jobs.kernel.pair_state import Advance, PairState
from spark_jobs.patterns.detections import REPORTED_COLUMNS, Detection
from spark_jobs.patterns.evaluate import RECORDED_PERCENTILES, Percentiles, Touched, findings, merchant_rows
from spark_jobs.patterns.rules import RuleSet


@dataclass(frozen=True)
class Rules:
    """The rules in force, and how they are reported.

    Attributes:
        rule_set: the patterns.
        every_chunk: report after each chunk that touches the subject of a pattern that holds, instead of once.
    """

    rule_set: RuleSet
    every_chunk: bool


@dataclass(frozen=True)
class Reported:
    """Detections reported beyond those that the state records.

    Attributes:
        next_seq: number of the next detection.
        through_line: chunks up to here have been reported in full, and only advance the state.
        beyond: `patternId, MerchantId, customerName, line` of the detections of chunks that are not in the state yet;
            None if there are none.
    """

    next_seq: int = 0
    through_line: int = 0
    beyond: pa.Table | None = None


class Detector:
    """The state and the detections, as of the last chunk.

    Args:
        state: as of the committed line, with the patterns reported by then.
        reported: what has been reported beyond it.
        rules: the patterns in force.
        now: the clock, with a time zone.
    """

    def __init__(self, state: PairState, reported: Reported, rules: Rules, now: Callable[[], datetime]) -> None:
        self.state = state
        self._next_seq = reported.next_seq
        self._detected_line = reported.through_line
        self._beyond = reported.beyond
        self._rules = rules
        self._percentiles = Percentiles()
        self._now = now

    def advance(self, chunks: Sequence[ChunkSums]) -> "Outcome":
        """Advance by a micro-batch of at least one chunk, evaluating the patterns at the end of each chunk."""
        started_at = self._now()
        detections: list[Detection] = []
        merchants: list[pa.Table] = []
        advances: list[Advance] = []
        for chunk in sorted(chunks, key=lambda chunk: chunk.end):
            line = chunk.end
            advance = self.state.advance(chunk.rows)
            rule_set = self._rules.rule_set
            wanted = rule_set.percentiles | RECORDED_PERCENTILES
            touched = Touched(self.state, advance, self._percentiles.after(self.state, advance, wanted))
            advances.append(advance)
            merchants.append(merchant_rows(self.state, touched, line))
            if line <= self._detected_line:
                self._mark_reported_at(line)
                continue
            for pattern in rule_set.evaluated:
                for merchant, customer, evidence, compared_with in findings(
                    self.state, touched, pattern, self._rules.every_chunk
                ):
                    detections.append(
                        Detection(
                            seq=self._next_seq,
                            line=line,
                            started_at=started_at,
                            detected_at=self._now(),
                            pattern_id=pattern.id,
                            action=pattern.action,
                            customer=customer,
                            merchant=merchant,
                            evidence=evidence,
                            thresholds=compared_with,
                        )
                    )
                    self._next_seq += 1
        return Outcome(line, detections, pa.concat_tables(merchants), self._rows_of(advances, line))

    def _mark_reported_at(self, line: int) -> None:
        """Mark as already reported what was reported at `line`; the chunk touched it, so its rows are written."""
        if self._beyond is not None:
            found = self._beyond.filter(pc.field(LINE) == line)
            self.state.mark_reported(*(found.column(name) for name in REPORTED_COLUMNS))

    def _rows_of(self, advances: list[Advance], line: int) -> pa.Table:
        """Return the rows of all touched pairs, each once."""
        rows, customers = advances[0].rows, advances[0].customers
        if len(advances) > 1:
            rows, at = np.unique(np.concatenate([advance.rows for advance in advances]), return_index=True)
            customers = pa.concat_arrays([advance.customers for advance in advances]).take(pa.array(at))
        return pair_rows(self.state, rows, customers, line)


@dataclass(frozen=True)
class Outcome:
    """The rows that a micro-batch appends to the state as of `line`.

    Attributes:
        line: the end of its last chunk.
        detections: rows of `state/detections`.
        merchants: rows of `state/merchants`, one per chunk and touched merchant.
        pairs: rows of `state/pairs`, one per touched pair.
    """

    line: int
    detections: list[Detection]
    merchants: pa.Table
    pairs: pa.Table
