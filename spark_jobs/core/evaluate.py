"""Evaluate the patterns at the end of a chunk, for what the chunk touched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spark_jobs.core.fixed_point import PAISE, WEIGHT_UNITS
from spark_jobs.core.pair_state import Advance, PairState
from spark_jobs.core.patterns.pattern import (
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
from spark_jobs.core.thresholds import Thresholds

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


@dataclass(frozen=True)
class Finding:
    """A pattern holds of a pair, or of a merchant (`customer` is "" then).

    Attributes:
        evidence: the compared values by name.
        thresholds: what each was compared with, by the same names.
    """

    pattern: Pattern
    merchant: str
    customer: str
    evidence: dict[str, float]
    thresholds: dict[str, float]

    @property
    def key(self) -> tuple[str, str, str]:
        """What is reported once."""
        return (self.pattern.id, self.merchant, self.customer)


def touched_by(state: PairState, advance: Advance, thresholds: Thresholds) -> Touched:
    """Return the totals and percentiles of all that a chunk touched, as of its end."""
    transactions, weights = (
        np.array([_percentile(values, q) for values in columns])
        for columns, q in (
            (_transactions_of(state, advance), thresholds[TRANSACTIONS_PERCENTILE.name]),
            (_mean_weights_of(state, advance), thresholds[WEIGHT_PERCENTILE.name]),
        )
    )
    totals = {name: column.values[advance.merchants] for name, column in state.merchant_totals.items()}
    count = state.totals["transactions"].values[advance.pairs]
    return Touched(
        TouchedPairs(
            merchant=np.searchsorted(advance.merchants, state.merchant_of.values[advance.pairs]),
            transactions=count,
            mean_amount=state.totals["amount_paise"].values[advance.pairs] / (count * PAISE),
            mean_weight=_mean_weight(state, advance.pairs),
        ),
        TouchedMerchants(**totals, transactions_percentile=transactions, weight_percentile=weights),
    )


def findings(
    state: PairState, advance: Advance, touched: Touched, patterns: Sequence[Pattern], thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield all that holds, by pattern, merchant, customer."""
    for pattern in patterns:
        comparisons = pattern.comparisons(touched, thresholds)
        found = []
        for position in holding(comparisons).tolist():
            merchant, customer = _names(state, advance, pattern.subject, position)
            evidence, compared_with = evidence_at(comparisons, position)
            found.append(Finding(pattern, merchant, customer, dict(evidence), dict(compared_with)))
        yield from sorted(found, key=lambda finding: finding.key)


def merchant_rows(state: PairState, advance: Advance, touched: Touched, line: int) -> pa.Table:
    """Return what the patterns saw of the touched merchants, as rows of `state/merchants`; NaN becomes null."""
    merchants = touched.merchants
    columns = [
        pa.array([state.merchants.names[code] for code in advance.merchants.tolist()], pa.string()),
        merchants.transactions,
        merchants.female_customers,
        merchants.male_customers,
        pa.array(merchants.transactions_percentile, pa.float64(), from_pandas=True),
        pa.array(merchants.weight_percentile, pa.float64(), from_pandas=True),
        np.full(len(advance.merchants), line),
        np.array([len(state.rows_of(merchant)) for merchant in advance.merchants.tolist()], dtype=np.int64),
    ]
    return pa.table(columns, schema=MERCHANTS_SCHEMA)


def _names(state: PairState, advance: Advance, subject: Subject, position: int) -> tuple[str, str]:
    if subject is Subject.MERCHANT:
        return state.merchants.names[advance.merchants[position]], ""
    row = advance.pairs[position]
    return state.merchants.names[state.merchant_of.values[row]], state.customers.names[state.customer_of.values[row]]


def _transactions_of(state: PairState, advance: Advance) -> Iterator[Values]:
    counts = state.totals["transactions"].values
    return (counts[state.rows_of(merchant)] for merchant in advance.merchants.tolist())


def _mean_weights_of(state: PairState, advance: Advance) -> Iterator[Values]:
    for merchant in advance.merchants.tolist():
        weights = _mean_weight(state, state.rows_of(merchant))
        yield weights[~np.isnan(weights)]


def _mean_weight(state: PairState, rows: Values) -> Values:
    weighted = state.totals["weighted_transactions"].values[rows]
    means = np.full(len(rows), np.nan)
    np.divide(state.totals["weight_units"].values[rows], weighted * WEIGHT_UNITS, out=means, where=weighted > 0)
    return means


def _percentile(values: Values, q: float) -> float:
    """Return the exact percentile with linear interpolation, NaN of nothing."""
    return float(np.percentile(values, q)) if len(values) else np.nan
