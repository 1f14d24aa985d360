"""Explaining a pattern: each of its conditions, evaluated for a merchant or one of its pairs as of the last chunk."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spark_jobs.kernel.pair_array import PAIR
from spark_jobs.kernel.pair_rows import restore_state
from spark_jobs.kernel.pair_state import Advance
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


def explain(rules: RuleSet, pairs: pa.Table, customer: str | None) -> list[tuple[Pattern, list[Explained]]]:
    """Return all patterns with their conditions, evaluated; those of pairs only if a customer is given.

    Args:
        rules: the rules in force, paused patterns included.
        pairs: all rows of `state/pairs` of one merchant, at least one.
        customer: one of its customers.

    Raises:
        KeyError: the merchant has no such customer.
    """
    state = restore_state(pairs)
    names = state.names.take(np.arange(len(state))).to_arrow().to_pylist()
    if customer is not None and customer not in names:
        raise KeyError(customer)
    after = state.pairs.take(np.arange(len(state)))
    everything = Advance(
        rows=np.arange(len(state)),
        merchants=np.zeros(1, dtype=np.int64),
        merchant_at=np.zeros(len(state), dtype=np.int64),
        before=np.zeros(len(state), dtype=PAIR),
        after=after,
        customers=pa.array(names, pa.string()),
    )
    touched = Touched(state, everything, Percentiles().after(state, everything, rules.all_percentiles))
    return [
        (pattern, [explain_condition(condition, touched, at) for condition in pattern.conditions])
        for pattern in rules.patterns
        for at in [0 if pattern.subject is Subject.MERCHANT else _position(names, customer)]
        if at is not None
    ]


def explain_condition(condition: Condition, touched: Touched, at: int) -> Explained:
    """Return a condition, evaluated at a position of what was touched."""
    positions = np.array([at])
    sides = (touched.values(side, condition.subject) for side in (condition.left, condition.right))
    left, right = (side_at(side, positions)[0] for side in sides)
    true = bool(holds(condition, np.array([left]), np.array([right]))[0])
    return Explained(condition, left, right, true, 0.0 if true else abs(right - left))


def _position(names: list[str], customer: str | None) -> int | None:
    return None if customer is None else names.index(customer)
