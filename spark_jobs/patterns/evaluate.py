"""Evaluating the patterns at the end of a chunk, for the pairs and merchants that it touched."""

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa

from spark_jobs.kernel.pair_state import Advance, PairState
from spark_jobs.kernel.percentile import sorted_percentile
from spark_jobs.kernel.running_percentile import RunningPercentile
from spark_jobs.patterns.grammar import Condition, Measured, Number, Operand, Percentile
from spark_jobs.patterns.measures import MEASURES, Subject, Values
from spark_jobs.patterns.rules import Pattern

MERCHANTS_SCHEMA = pa.schema(
    [
        ("merchant", pa.string()),
        ("transactions", pa.int64()),
        ("female_customers", pa.int64()),
        ("male_customers", pa.int64()),
        ("transactions_percentile", pa.float64()),
        ("weight_percentile", pa.float64()),
        ("line", pa.int64()),
        ("customers", pa.int64()),
    ]
)

# The percentiles in `state/merchants`, whatever the rules compare.
_TRANSACTIONS_PERCENTILE = Percentile("transactions", 90.0)
_WEIGHT_PERCENTILE = Percentile("mean_weight", 10.0)
RECORDED_PERCENTILES = frozenset({_TRANSACTIONS_PERCENTILE, _WEIGHT_PERCENTILE})

# Up to this number, sorting a merchant's values each time is cheaper than maintaining them (docs/decisions/0006).
_FEW_CUSTOMERS = 256

_HOLDS: Mapping[str, Callable[[Values | float, Values | float], Values]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}

# Merchant, customer ("" for the merchant itself), and by the text of each condition its left and its right value.
Finding = tuple[str, str, dict[str, float], dict[str, float]]


class Percentiles:
    """The percentiles that patterns compare, of all merchants, maintained from chunk to chunk."""

    def __init__(self) -> None:
        self._running: dict[Percentile, RunningPercentile] = {}

    def after(self, state: PairState, advance: Advance, wanted: Collection[Percentile]) -> dict[Percentile, Values]:
        """Apply the changes of a chunk; return the wanted percentiles of the merchants that it touched.

        Must be called for every chunk. A percentile is maintained from the first chunk that wants it to the last one
        in a row: one that misses a chunk would be wrong.
        """
        if not wanted:
            self._running = {}
            return {}
        self._running = {one: self._running.get(one) or RunningPercentile(one.q) for one in wanted}
        totals = state.merchant_totals
        customers, transactions = (totals[name].values[advance.merchants] for name in ("customers", "transactions"))
        few = customers <= _FEW_CUSTOMERS
        pairs_of_few = state.pairs.take(state.rows_of(advance.merchants[few]))
        of_many = ~few[advance.merchant_at]
        at = np.cumsum(~few)[advance.merchant_at[of_many]] - 1
        result = {}
        for one, running in self._running.items():
            measure = MEASURES[Subject.PAIR][one.name]

            def all_values(code: int, compute: Callable[[Values], Values] = measure.compute) -> Values:
                values = compute(state.pairs.take(state.rows_of(np.array([code]))))
                return values[~np.isnan(values)]

            values = measure.compute(pairs_of_few)
            if measure.of_merchant:
                values = values / np.repeat(transactions[few], customers[few])
            percentile = np.empty(len(customers))
            percentile[few] = sorted_percentile(one.q, values, customers[few])
            before, after = (measure.compute(pairs)[of_many] for pairs in (advance.before, advance.after))
            divisor = transactions[~few] if measure.of_merchant else None
            percentile[~few] = running.after(advance.merchants[~few], at, before, after, all_values, divisor)
            result[one] = percentile
        return result


class Touched:
    """The values of operands for what a chunk touched, as of its end; each measure is computed once, when needed.

    Attributes:
        advance: the p pairs and m merchants that the chunk touched.
        totals: of the merchants by name, each of shape (m,).
        percentiles: of the merchants, each of shape (m,); NaN where no customer has a value.
    """

    def __init__(self, state: PairState, advance: Advance, percentiles: Mapping[Percentile, Values]) -> None:
        self.advance = advance
        self.totals = {name: column.values[advance.merchants] for name, column in state.merchant_totals.items()}
        self.percentiles = percentiles
        self._computed: dict[Measured, Values] = {}

    def values(self, operand: Operand, subject: Subject) -> Values | float:
        """Return a number, or values of shape (p,) for a pattern of pairs, (m,) for one of merchants."""
        if isinstance(operand, Number):
            return operand.value
        if isinstance(operand, Measured) and operand.subject is Subject.PAIR:
            return self._measured(operand)
        of_merchants = self.percentiles[operand] if isinstance(operand, Percentile) else self._measured(operand)
        return of_merchants[self.advance.merchant_at] if subject is Subject.PAIR else of_merchants

    def _measured(self, operand: Measured) -> Values:
        if operand not in self._computed:
            measure = MEASURES[operand.subject][operand.name]
            totals = self.advance.after if operand.subject is Subject.PAIR else self.totals
            values = measure.compute(totals)
            if measure.of_merchant:
                values = values / self.totals["transactions"][self.advance.merchant_at]
            self._computed[operand] = values
        return self._computed[operand]


def findings(state: PairState, touched: Touched, pattern: Pattern, repeat: bool) -> Iterator[Finding]:
    """Yield where the pattern holds, sorted by merchant and customer, and mark it as reported.

    An unknown value (NaN) compares false.

    Args:
        state: in which the findings are marked as reported.
        touched: what the chunk touched.
        pattern: an evaluated pattern.
        repeat: yield what has been reported before, too.
    """
    advance, of_merchant = touched.advance, pattern.subject is Subject.MERCHANT
    compared = [
        (condition, touched.values(condition.left, pattern.subject), touched.values(condition.right, pattern.subject))
        for condition in pattern.conditions
    ]
    at = np.flatnonzero(np.logical_and.reduce([holds(c, left, right) for c, left, right in compared]))
    bit = state.reported.bit(pattern.mark)
    reported = state.merchant_reported.values if of_merchant else state.pairs.values["reported"]
    subjects = advance.merchants if of_merchant else advance.rows
    if not repeat:
        at = at[reported[subjects[at]] & bit == 0]
    if not len(at):
        return
    reported[subjects[at]] |= bit
    merchants = state.merchants.decode(advance.merchants[at if of_merchant else advance.merchant_at[at]]).to_pylist()
    customers = [""] * len(at) if of_merchant else advance.customers.take(pa.array(at)).to_pylist()
    texts = [condition.text for condition, _, _ in compared]
    evidence = [side_at(left, at) for _, left, _ in compared]
    thresholds = [side_at(right, at) for _, _, right in compared]
    rows = zip(merchants, customers, zip(*evidence, strict=True), zip(*thresholds, strict=True), strict=True)
    for merchant, customer, values, compared_with in sorted(rows, key=lambda row: row[:2]):
        yield (
            merchant,
            customer,
            dict(zip(texts, values, strict=True)),
            dict(zip(texts, compared_with, strict=True)),
        )


def merchant_rows(state: PairState, touched: Touched, line: int) -> pa.Table:
    """Return the touched merchants as rows of `state/merchants`; NaN becomes null."""
    merchants, totals = touched.advance.merchants, touched.totals
    columns = [
        state.merchants.decode(merchants),
        totals["transactions"],
        totals["female_customers"],
        totals["male_customers"],
        pa.array(touched.percentiles[_TRANSACTIONS_PERCENTILE], pa.float64(), from_pandas=True),
        pa.array(touched.percentiles[_WEIGHT_PERCENTILE], pa.float64(), from_pandas=True),
        np.full(len(merchants), line),
        totals["customers"],
    ]
    return pa.table(columns, schema=MERCHANTS_SCHEMA)


def holds(condition: Condition, left: Values | float, right: Values | float) -> Values:
    """Return where a condition holds, given the values of its sides; NaN compares false."""
    return _HOLDS[condition.operator](left, right)


def side_at(side: Values | float, positions: Values) -> list[float]:
    """Return the values of a side of a condition at positions."""
    if isinstance(side, np.ndarray):
        values: list[float] = side[positions].astype(np.float64).tolist()
        return values
    return [side] * len(positions)
