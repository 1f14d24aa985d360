"""From the sums of some chunks to what is appended: the function that all placements of the state share."""

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
from spark_jobs.patterns.evaluate import Percentiles, findings, merchant_rows, touched_by
from spark_jobs.patterns.pattern import Pattern
from spark_jobs.patterns.thresholds import Thresholds


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


@dataclass(frozen=True)
class Reported:
    """What was reported before.

    Attributes:
        next_seq: of the next detection.
        through_line: chunks up to here have all their detections already: they only advance the state.
        beyond: `patternId, MerchantId, customerName, line` of the detections whose chunks the state does not hold yet,
            None where it holds them all.
    """

    next_seq: int = 0
    through_line: int = 0
    beyond: pa.Table | None = None


class Detector:
    """The state and what was reported, as of the last chunk.

    Args:
        state: as of the committed line.
        reported: what was reported of its pairs and merchants it knows by itself, and here is the rest.
        rules: what is looked for.
        now: the clock, with a time zone.
    """

    def __init__(self, state: PairState, reported: Reported, rules: Rules, now: Callable[[], datetime]) -> None:
        self.state = state
        self._next_seq = reported.next_seq
        self._detected_line = reported.through_line
        self._beyond = reported.beyond
        self._rules = rules
        self._percentiles = Percentiles(rules.thresholds)
        self._now = now

    def advance(self, chunks: Sequence[ChunkSums]) -> "Outcome":
        """Advance by one micro-batch of at least one chunk: in order of lines, evaluating at the end of each."""
        started_at = self._now()
        detections: list[Detection] = []
        merchants: list[pa.Table] = []
        advances: list[Advance] = []
        for chunk in sorted(chunks, key=lambda chunk: chunk.end):
            line = chunk.end
            advance = self.state.advance(chunk.rows)
            touched = touched_by(self.state, advance, self._percentiles)
            advances.append(advance)
            merchants.append(merchant_rows(self.state, advance, touched, line))
            if line <= self._detected_line:
                self._take_down_beyond(line)
                continue
            for pattern in self._rules.patterns:
                for finding in findings(
                    self.state, advance, touched, pattern, self._rules.thresholds, self._rules.every_chunk
                ):
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
        return Outcome(line, detections, pa.concat_tables(merchants), self._rows_of(advances, line))

    def _take_down_beyond(self, line: int) -> None:
        """Take down what was reported at the end of this chunk: it touched what it was of, whose rows are written."""
        if self._beyond is not None:
            found = self._beyond.filter(pc.field(LINE) == line)
            self.state.mark_reported(*(found.column(name) for name in REPORTED_COLUMNS))

    def _rows_of(self, advances: list[Advance], line: int) -> pa.Table:
        """Return the rows of `state/pairs` of all pairs touched, each once."""
        rows, customers = advances[0].rows, advances[0].customers
        if len(advances) > 1:
            rows, at = np.unique(np.concatenate([advance.rows for advance in advances]), return_index=True)
            customers = pa.concat_arrays([advance.customers for advance in advances]).take(pa.array(at))
        return pair_rows(self.state, rows, customers, line)


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
