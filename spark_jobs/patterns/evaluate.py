"""Evaluating the patterns at the end of a chunk, for the pairs and merchants that it touched."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from spark_jobs.kernel.fixed_point import PAISE, WEIGHT_UNITS
from spark_jobs.kernel.pair_array import Pairs
from spark_jobs.kernel.pair_state import Advance, PairState
from spark_jobs.kernel.percentile import sorted_percentile
from spark_jobs.kernel.running_percentile import RunningPercentile
from spark_jobs.patterns.pattern import (
    TRANSACTIONS_PERCENTILE,
    WEIGHT_PERCENTILE,
    Pattern,
    Subject,
    Touched,
    TouchedMerchants,
    TouchedPairs,
    Values,
    evidence_at,
    holding,
)
from spark_jobs.patterns.thresholds import Thresholds

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

# Up to this number, sorting a merchant's values each time is cheaper than maintaining them (docs/decisions/0006).
_FEW_CUSTOMERS = 256


# Merchant, customer ("" for the merchant itself), evidence, and thresholds by the same names.
Finding = tuple[str, str, dict[str, float], dict[str, float]]


class Percentiles:
    """The percentiles that patterns compare with, of all merchants, maintained from chunk to chunk."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._transactions = RunningPercentile(thresholds[TRANSACTIONS_PERCENTILE.name])
        self._mean_weight = RunningPercentile(thresholds[WEIGHT_PERCENTILE.name])

    def after(self, state: PairState, advance: Advance) -> tuple[Values, Values]:
        """Apply the changes of a chunk; return both percentiles of the merchants that it touched."""
        customers = state.merchant_totals["customers"].values[advance.merchants]
        few = customers <= _FEW_CUSTOMERS
        pairs_of_few = state.pairs.take(state.rows_of(advance.merchants[few]))
        of_many = ~few[advance.merchant_at]
        at = np.cumsum(~few)[advance.merchant_at[of_many]] - 1
        result = []
        for running, values_of in ((self._transactions, _transactions), (self._mean_weight, mean_weights)):

            def all_values(code: int, values_of: Callable[[Pairs], Values] = values_of) -> Values:
                values = values_of(state.pairs.take(state.rows_of(np.array([code]))))
                return values[~np.isnan(values)]

            percentile = np.empty(len(customers))
            percentile[few] = sorted_percentile(running.q, values_of(pairs_of_few), customers[few])
            before, after = (values_of(pairs)[of_many] for pairs in (advance.before, advance.after))
            percentile[~few] = running.after(advance.merchants[~few], at, before, after, all_values)
            result.append(percentile)
        return result[0], result[1]


def touched_by(state: PairState, advance: Advance, percentiles: Percentiles) -> Touched:
    """Return totals and percentiles of what a chunk touched, as of its end; must be called for every chunk."""
    transactions, weights = percentiles.after(state, advance)
    totals = {name: column.values[advance.merchants] for name, column in state.merchant_totals.items()}
    count = advance.after["transactions"].astype(np.int64)
    return Touched(
        TouchedPairs(
            merchant=advance.merchant_at,
            transactions=count,
            mean_amount=advance.after["amount_paise"] / (count * PAISE),
            mean_weight=mean_weights(advance.after),
        ),
        TouchedMerchants(
            transactions=totals["transactions"],
            female_customers=totals["female_customers"],
            male_customers=totals["male_customers"],
            transactions_percentile=transactions,
            weight_percentile=weights,
        ),
    )


def findings(
    state: PairState, advance: Advance, touched: Touched, pattern: Pattern, thresholds: Thresholds, repeat: bool
) -> Iterator[Finding]:
    """Yield where the pattern holds, sorted by merchant and customer, and mark it as reported.

    Args:
        repeat: yield what has been reported before, too.
    """
    comparisons = pattern.comparisons(touched, thresholds)
    bit = state.reported.bit(pattern.id)
    of_merchant = pattern.subject is Subject.MERCHANT
    reported = state.merchant_reported.values if of_merchant else state.pairs.values["reported"]
    subjects = advance.merchants if of_merchant else advance.rows
    at = holding(comparisons)
    if not repeat:
        at = at[reported[subjects[at]] & bit == 0]
    if not len(at):
        return
    reported[subjects[at]] |= bit
    merchants = state.merchants.decode(advance.merchants[at if of_merchant else advance.merchant_at[at]]).to_pylist()
    customers = [""] * len(at) if of_merchant else advance.customers.take(pa.array(at)).to_pylist()
    found = zip(merchants, customers, evidence_at(comparisons, at), strict=True)
    for merchant, customer, (evidence, compared_with) in sorted(found, key=lambda named: named[:2]):
        yield merchant, customer, evidence, compared_with


def merchant_rows(state: PairState, advance: Advance, touched: Touched, line: int) -> pa.Table:
    """Return the touched merchants as rows of `state/merchants`; NaN becomes null."""
    merchants = touched.merchants
    columns = [
        state.merchants.decode(advance.merchants),
        merchants.transactions,
        merchants.female_customers,
        merchants.male_customers,
        pa.array(merchants.transactions_percentile, pa.float64(), from_pandas=True),
        pa.array(merchants.weight_percentile, pa.float64(), from_pandas=True),
        np.full(len(advance.merchants), line),
        state.merchant_totals["customers"].values[advance.merchants],
    ]
    return pa.table(columns, schema=MERCHANTS_SCHEMA)


def mean_weights(pairs: Pairs) -> Values:
    """Return the mean weight of each pair, NaN if it has none."""
    weighted = pairs["weighted_transactions"].astype(np.int64)
    means = np.full(len(pairs), np.nan)
    np.divide(pairs["weight_units"], weighted * WEIGHT_UNITS, out=means, where=weighted > 0)
    return means


def _transactions(pairs: Pairs) -> Values:
    """Return the transactions of each pair, NaN if it has none yet."""
    count = pairs["transactions"].astype(np.float64)
    count[count == 0] = np.nan
    return count
