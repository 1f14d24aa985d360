"""From the sums of some chunks to what is appended: the function that all placements of the state share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from spark_jobs.core.chunk_sums import ChunkSums
from spark_jobs.core.detections import Detection
from spark_jobs.core.evaluate import findings, merchant_rows, touched_by
from spark_jobs.core.pair_state import PairState
from spark_jobs.core.patterns.pattern import Pattern
from spark_jobs.core.thresholds import Thresholds


@dataclass(frozen=True)
class Rules:
    """What is looked for.

    Attributes:
        patterns: in the order in which they are reported.
        thresholds: of all of them.
        every_chunk: report after each chunk that touches what holds, instead of once.
    """

    patterns: Sequence[Pattern]
    thresholds: Thresholds
    every_chunk: bool


class Detector:
    """The state and what was reported, as of the last chunk.

    Args:
        state: as of the committed line.
        reported: keys of all detections so far.
        next_seq: of the next detection.
        detected_line: chunks up to here have all their detections already: they only advance the state.
        rules: what is looked for.
        now: the clock, with a time zone.
    """

    def __init__(
        self,
        state: PairState,
        reported: set[tuple[str, str, str]],
        next_seq: int,
        detected_line: int,
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self.state = state
        self._reported = reported
        self._next_seq = next_seq
        self._detected_line = detected_line
        self._rules = rules
        self._now = now

    def advance(self, chunks: Sequence[ChunkSums]) -> "Outcome":
        """Advance by one micro-batch of at least one chunk: in order of lines, evaluating at the end of each."""
        started_at = self._now()
        detections: list[Detection] = []
        merchants: list[pa.Table] = []
        touched_rows: list[np.ndarray] = []
        for chunk in sorted(chunks, key=lambda chunk: chunk.end):
            line = chunk.end
            advance = self.state.advance(chunk.rows)
            touched = touched_by(self.state, advance, self._rules.thresholds)
            touched_rows.append(advance.pairs)
            merchants.append(merchant_rows(self.state, advance, touched, line))
            if line > self._detected_line:
                for finding in findings(self.state, advance, touched, self._rules.patterns, self._rules.thresholds):
                    if finding.key in self._reported and not self._rules.every_chunk:
                        continue
                    self._reported.add(finding.key)
                    detections.append(
                        Detection(
                            self._next_seq,
                            line,
                            started_at,
                            self._now(),
                            finding.pattern.id,
                            finding.pattern.action,
                            finding.customer,
                            finding.merchant,
                            finding.evidence,
                            finding.thresholds,
                        )
                    )
                    self._next_seq += 1
        pairs = np.unique(np.concatenate(touched_rows))
        return Outcome(line, detections, pa.concat_tables(merchants), self.state.pair_rows(pairs, line))


@dataclass(frozen=True)
class Outcome:
    """What one micro-batch appends, all as of `line`.

    Attributes:
        line: the end of its last chunk.
        detections: rows of `state/detections`.
        merchants: rows of `state/merchants`, one for each merchant and chunk that touched it.
        pairs: rows of `state/pairs`, one for each pair touched.
    """

    line: int
    detections: list[Detection]
    merchants: pa.Table
    pairs: pa.Table
