"""Explaining patterns: each condition, evaluated for a merchant or one of its pairs as of the last chunk."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spark_jobs.kernel.name_words import Integers
from spark_jobs.kernel.pair_state import Advance, PairState
from spark_jobs.patterns.evaluate import Percentiles, Touched, holds, side_at
from spark_jobs.patterns.grammar import Condition
from spark_jobs.patterns.measures import Subject
from spark_jobs.patterns.rules import Pattern, RuleSet


@dataclass(frozen=True)
class Explained:
    """A condition, evaluated; a side is NaN if it has no value.

    Attributes:
        off: by how much the left side would have to change to reach the right one; 0 if the condition holds.
    """

    condition: Condition
    left: float
    right: float
    holds: bool
    off: float


@dataclass(frozen=True)
class ExplainedPattern:
    """A pattern, evaluated.

    Attributes:
        reported: whether the state says that it has been reported; of a shadow pattern, whether it has been recorded.
    """

    pattern: Pattern
    conditions: tuple[Explained, ...]
    reported: bool

    @property
    def holds(self) -> bool:
        """Whether all conditions hold."""
        return all(one.holds for one in self.conditions)


def explain(rules: RuleSet, state: PairState, customer: str | None) -> list[ExplainedPattern]:
    """Return all patterns, evaluated; those of pairs only if a customer is given.

    Args:
        rules: the rules in force, paused patterns included.
        state: all pairs of one merchant, at least one, and no other pairs.
        customer: one of its customers.

    Raises:
        KeyError: the merchant has no such customer.
    """
    rows = np.zeros(0, dtype=np.int64) if customer is None else _row_of(state, customer)
    # As if a chunk had touched the merchant and this customer, without changing anything.
    pairs = state.pairs.take(rows)
    touched = Advance(
        rows=rows,
        merchants=np.zeros(1, dtype=np.int64),
        merchant_at=np.zeros(len(rows), dtype=np.int64),
        before=pairs,
        after=pairs,
        customers=pa.array([] if customer is None else [customer], pa.string()),
    )
    values = Touched(state, touched, Percentiles().after(state, touched, rules.all_percentiles))
    marks = {
        Subject.PAIR: _marks(state, pairs["reported"]),
        Subject.MERCHANT: _marks(state, state.merchant_reported.values),
    }
    return [
        ExplainedPattern(
            pattern,
            # Neither more than one merchant nor more than one pair is touched.
            tuple(explain_condition(condition, values, 0) for condition in pattern.conditions),
            pattern.mark in marks[pattern.subject],
        )
        for pattern in rules.patterns
        if pattern.subject is Subject.MERCHANT or customer is not None
    ]


def explain_condition(condition: Condition, touched: Touched, at: int) -> Explained:
    """Return a condition, evaluated at a position of what was touched."""
    positions = np.array([at])
    sides = (touched.values(side, condition.subject) for side in (condition.left, condition.right))
    left, right = (side_at(side, positions)[0] for side in sides)
    true = bool(holds(condition, np.array([left]), np.array([right]))[0])
    return Explained(condition, left, right, true, 0.0 if true else abs(right - left))


def _row_of(state: PairState, customer: str) -> Integers:
    rows = state.find(*(pa.chunked_array([[name]], pa.string()) for name in (state.merchants.names[0], customer)))
    if rows[0] < 0:
        raise KeyError(customer)
    return rows


def _marks(state: PairState, bits: np.ndarray[tuple[int], np.dtype[np.uint16]]) -> set[str]:
    return {mark for text in state.reported.format(bits).to_pylist() if text for mark in text.split(",")}
