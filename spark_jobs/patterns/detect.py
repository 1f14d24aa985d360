"""Advancing the state by a micro-batch and evaluating the patterns; shared by all placements of the state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import pair_rows
from spark_jobs.kernel.pair_state import Advance, PairState, Weigh
from spark_jobs.patterns.detections import NO_SEQ, REPORTED_COLUMNS, Detection
from spark_jobs.patterns.evaluate import RECORDED_PERCENTILES, Finding, Percentiles, Touched, findings, merchant_rows
from spark_jobs.patterns.grammar import Percentile
from spark_jobs.patterns.rules import Pattern, Status
from spark_jobs.patterns.schedule import Adoption, Rules


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
        rules: which patterns are in force, and from which line on.
        now: the clock, with a time zone.
        weigh: replaces the weights of sums; None keeps those of the transactions.
    """

    def __init__(
        self,
        state: PairState,
        reported: Reported,
        rules: Rules,
        now: Callable[[], datetime],
        weigh: Weigh | None = None,
    ) -> None:
        self.state = state
        self._weigh = weigh
        self._next_seq = reported.next_seq
        self._detected_line = reported.through_line
        self._beyond = reported.beyond
        self._rules = rules
        self._percentiles = Percentiles()
        self._now = now

    def adopt(self, adoption: Adoption) -> None:
        """Put another version of the rules in force, for chunks that end beyond a line."""
        self._rules = self._rules.with_adoption(adoption)

    def advance(self, chunks: Sequence[ChunkSums]) -> "Outcome":
        """Advance by a micro-batch of at least one chunk, evaluating the patterns at the end of each chunk."""
        started_at = self._now()
        found: list[Detection] = []
        merchants: list[pa.Table] = []
        advances: list[Advance] = []
        for chunk in sorted(chunks, key=lambda chunk: chunk.end):
            line = chunk.end
            touched = self._touch(chunk, RECORDED_PERCENTILES)
            advances.append(touched.advance)
            merchants.append(merchant_rows(self.state, touched, line))
            found += self._detect(touched, line, started_at)
        detections = [detection for detection in found if detection.seq != NO_SEQ]
        shadow = [detection for detection in found if detection.seq == NO_SEQ]
        return Outcome(line, detections, pa.concat_tables(merchants), self._rows_of(advances, line), shadow)

    def find(self, chunk: ChunkSums) -> list[Detection]:
        """Advance by one chunk; return what it finds, shadow included, without the rows that a state on disk needs."""
        return self._detect(self._touch(chunk, frozenset()), chunk.end, self._now())

    def _touch(self, chunk: ChunkSums, recorded: frozenset[Percentile]) -> Touched:
        """Advance the state by one chunk; return what it touched, with `recorded` percentiles beside those compared."""
        advance = self.state.advance(chunk.rows, self._weigh)
        _, rule_set = self._rules.at(chunk.end)
        wanted = rule_set.percentiles | recorded
        return Touched(self.state, advance, self._percentiles.after(self.state, advance, wanted))

    def _detect(self, touched: Touched, line: int, started_at: datetime) -> list[Detection]:
        """Evaluate the patterns for what the chunk that ends at `line` touched."""
        version, rule_set = self._rules.at(line)
        detected = line <= self._detected_line
        if detected:
            self._mark_reported_at(line)
        return [
            self._detection(finding, pattern, line, started_at, version)
            for pattern in rule_set.evaluated
            # Only detections have numbers and times that must not change; shadow rows are found again.
            if not (detected and pattern.status is Status.ACTIVE)
            for finding in findings(self.state, touched, pattern, self._rules.every_chunk)
        ]

    def _detection(
        self, finding: Finding, pattern: Pattern, line: int, started_at: datetime, version: int
    ) -> Detection:
        merchant, customer, evidence, thresholds = finding
        seq = NO_SEQ
        if pattern.status is Status.ACTIVE:
            seq = self._next_seq
            self._next_seq += 1
        return Detection(
            seq=seq,
            line=line,
            started_at=started_at,
            detected_at=self._now(),
            pattern_id=pattern.id,
            action=pattern.action,
            customer=customer,
            merchant=merchant,
            evidence=evidence,
            thresholds=thresholds,
            rules_version=version,
        )

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
        shadow: rows of `state/shadow`, in order of line, pattern, merchant and customer.
    """

    line: int
    detections: list[Detection]
    merchants: pa.Table
    pairs: pa.Table
    shadow: list[Detection] = field(default_factory=list)
