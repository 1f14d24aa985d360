"""Where patterns hold as of the last chunk, whatever it touched and whatever has been reported."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spark_jobs.kernel.pair_array import PAIR
from spark_jobs.kernel.pair_state import Advance, PairState
from spark_jobs.kernel.percentile import sorted_percentile
from spark_jobs.patterns.evaluate import Touched, holds
from spark_jobs.patterns.explain import Explained, explain_condition
from spark_jobs.patterns.grammar import Percentile
from spark_jobs.patterns.measures import MEASURES, Subject, Values
from spark_jobs.patterns.rules import Pattern, RuleSet

# Pairs evaluated at a time, which takes about 0.2 GB.
_BLOCK = 1 << 20


class Standing:
    """Where the evaluated patterns of a rule set hold, in a state that may advance afterwards.

    Args:
        state: the state, as of the last chunk.
        rules: the rules.
    """

    def __init__(self, state: PairState, rules: RuleSet) -> None:
        self._state = state
        self._holds: dict[str, NDArray[np.bool_]] = {}
        self._of_merchant = {pattern.id: pattern.subject is Subject.MERCHANT for pattern in rules.evaluated}
        for pattern in rules.evaluated:
            size = len(state.merchants) if self._of_merchant[pattern.id] else len(state)
            self._holds[pattern.id] = np.zeros(size, dtype=bool)
        for touched in _blocks(state, rules.percentiles):
            for pattern in rules.evaluated:
                held = np.logical_and.reduce(
                    [
                        holds(c, touched.values(c.left, pattern.subject), touched.values(c.right, pattern.subject))
                        for c in pattern.conditions
                    ]
                )
                at = touched.advance.merchants if self._of_merchant[pattern.id] else touched.advance.rows
                self._holds[pattern.id][at] = held

    def held(self, pattern_id: str, merchants: Sequence[str], customers: Sequence[str]) -> list[bool]:
        """Return where a pattern held, given merchants, and their customers or, for a pattern of merchants, "" each."""
        if not merchants:
            return []
        of = pa.chunked_array([merchants], pa.string())
        if self._of_merchant[pattern_id]:
            at = self._state.merchants.find(of)
        else:
            at = self._state.find(of, pa.chunked_array([customers], pa.string()))
        held = self._holds[pattern_id]
        # Rows and codes never change, and later ones did not exist yet.
        existed = (at >= 0) & (at < len(held))
        found = np.zeros(len(at), dtype=bool)
        found[existed] = held[at[existed]]
        return list(found.tolist())


def explain_subjects(
    state: PairState, pattern: Pattern, merchants: Sequence[str], customers: Sequence[str]
) -> list[list[Explained]]:
    """Return the conditions of a pattern, evaluated for known subjects, which are given as to `Standing.held`."""
    of = pa.chunked_array([merchants], pa.string())
    codes = state.merchants.find(of)
    touched = _touch(state, np.unique(codes), RuleSet((pattern,)).all_percentiles)
    if pattern.subject is Subject.MERCHANT:
        wanted, subjects = codes, touched.advance.merchants
    else:
        wanted, subjects = state.find(of, pa.chunked_array([customers], pa.string())), touched.advance.rows
    return [
        [
            explain_condition(condition, touched, int(np.flatnonzero(subjects == one)[0]))
            for condition in pattern.conditions
        ]
        for one in wanted
    ]


def _blocks(state: PairState, percentiles: frozenset[Percentile]) -> Iterator[Touched]:
    """Yield all merchants with all their pairs, about a million pairs at a time."""
    customers = state.merchant_totals["customers"].values
    starts = np.cumsum(customers) - customers
    for merchants in np.split(np.arange(len(customers)), np.flatnonzero(np.diff(starts // _BLOCK)) + 1):
        if len(merchants):
            yield _touch(state, merchants, percentiles)


def _touch(state: PairState, merchants: NDArray[np.int64], percentiles: frozenset[Percentile]) -> Touched:
    """Return merchants, sorted codes, with all their pairs as if a chunk had touched them."""
    customers, transactions = (state.merchant_totals[name].values[merchants] for name in ("customers", "transactions"))
    rows = state.rows_of(merchants).astype(np.int64)
    pairs = state.pairs.take(rows)
    merchant_at = np.repeat(np.arange(len(merchants)), customers)
    # Names and former values are not needed.
    advance = Advance(rows, merchants, merchant_at, np.zeros(0, dtype=PAIR), pairs, pa.array([], pa.string()))
    return Touched(state, advance, {one: _percentile(one, pairs, transactions, customers) for one in percentiles})


def _percentile(one: Percentile, pairs: Values, transactions: Values, customers: Values) -> Values:
    measure = MEASURES[Subject.PAIR][one.name]
    values = measure.compute(pairs)
    if measure.of_merchant:
        values = values / np.repeat(transactions, customers)
    return sorted_percentile(one.q, values, customers)
