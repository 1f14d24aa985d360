"""A trial of rules: from a state, over chunks, to the comparison with what was found."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_state import PairState, Weigh
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.detections import NO_SEQ, Detection
from spark_jobs.patterns.rules import RuleSet, Status
from spark_jobs.patterns.schedule import UNPUBLISHED, Rules
from spark_jobs.patterns.standing import Standing, explain_subjects
from spark_jobs.what_if.compare import compare
from spark_jobs.what_if.pattern_reports import Outcome


class Trial:
    """Rules that are in force from a state on.

    Attributes:
        found: what they find, shadow included.

    Args:
        state: as of the line before the first chunk, with what was reported by then; it is advanced.
        rules: the rules.
        now: the clock, with a time zone.
        weigh: replaces the weights of sums; None keeps those of the transactions.
    """

    def __init__(
        self, state: PairState, rules: RuleSet, now: Callable[[], datetime], weigh: Weigh | None = None
    ) -> None:
        self.found: list[Detection] = []
        self._state = state
        self._rules = rules
        self._standing = Standing(state, rules)
        tried = Rules(rules, every_chunk=False, version=UNPUBLISHED)
        self._detector = Detector(state, Reported(), tried, now, weigh)

    def advance(self, chunk: ChunkSums) -> None:
        """Advance by the next chunk."""
        self.found += self._detector.find(chunk)

    def outcome(self, rules_before: RuleSet, detections: Sequence[Detection], shadow: Sequence[Detection]) -> Outcome:
        """Return the comparison with what was found in the same chunks.

        Args:
            rules_before: in force at their end.
            detections: what was reported.
            shadow: what was recorded by shadow patterns.
        """
        compared = {
            Status.ACTIVE: compare(detections, [one for one in self.found if one.seq != NO_SEQ]),
            Status.SHADOW: compare(shadow, [one for one in self.found if one.seq == NO_SEQ]),
        }
        held: set[tuple[str, str, str]] = set()
        for name, comparison in ((name, one) for by_id in compared.values() for name, one in by_id.items()):
            keys = [one.key for one in comparison.differences if one.after]
            flags = self._standing.held(name, [merchant for _, merchant, _ in keys], [name for _, _, name in keys])
            held |= {key for key, flag in zip(keys, flags, strict=True) if flag}
        return Outcome(rules_before, self._rules, compared, held, partial(explain_subjects, self._state))
