"""Patterns: conjunctions of comparisons over the pairs and merchants that a chunk touched."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spark_jobs.patterns.thresholds import Threshold, Thresholds

Values = NDArray[Any]

# Computed for each touched merchant after every chunk, whichever patterns use them.
TRANSACTIONS_PERCENTILE = Threshold(
    "upgrade_transactions_percentile", 90, "of transactions over the merchant's customers, 0 to 100"
)
WEIGHT_PERCENTILE = Threshold(
    "upgrade_weight_percentile", 10, "of mean weights over the merchant's customers that have one, 0 to 100"
)


class Subject(Enum):
    """The kind of thing that a pattern is true of."""

    PAIR = "pair"
    MERCHANT = "merchant"


@dataclass(frozen=True)
class TouchedMerchants:
    """Totals of the m merchants that a chunk touched, as of its end; all arrays have shape (m,).

    Attributes:
        transactions: all transactions of the merchant.
        female_customers: customers whose first transaction with the merchant says `F`.
        male_customers: likewise `M`.
        transactions_percentile: `upgrade_transactions_percentile` of transactions over all its customers.
        weight_percentile: `upgrade_weight_percentile` of mean weights over its customers that have one, else NaN.
    """

    transactions: Values
    female_customers: Values
    male_customers: Values
    transactions_percentile: Values
    weight_percentile: Values


@dataclass(frozen=True)
class TouchedPairs:
    """Totals of the p pairs that a chunk touched, as of its end; all arrays have shape (p,).

    Attributes:
        merchant: position of the pair's merchant in `TouchedMerchants`.
        transactions: transactions of the pair.
        mean_amount: in rupees.
        mean_weight: over the transactions that have a weight; NaN where none has.
    """

    merchant: Values
    transactions: Values
    mean_amount: Values
    mean_weight: Values


@dataclass(frozen=True)
class Touched:
    """The input of a pattern."""

    pairs: TouchedPairs
    merchants: TouchedMerchants


@dataclass(frozen=True)
class Comparison:
    """An elementwise comparison of `values` with `threshold`; NaN compares false.

    Attributes:
        name: what is compared, the key in the evidence.
        values: shape (p,) for a pattern of pairs, (m,) for one of merchants.
        holds: a comparison of numpy, such as `numpy.greater`.
        threshold: a number, or an array of the shape of `values`.
        unit: of values and threshold, "" for none.
    """

    name: str
    values: Values
    holds: Callable[[Any, Any], Values]
    threshold: Values | float
    unit: str = ""


@dataclass(frozen=True)
class Pattern:
    """A pattern, which holds where all its comparisons hold.

    Attributes:
        id: `patternId` in the detections.
        action: `ActionType` there.
        subject: what it is true of.
        thresholds: its configurable thresholds.
        comparisons: returns its comparisons for what a chunk touched.
    """

    id: str
    action: str
    subject: Subject
    thresholds: tuple[Threshold, ...]
    comparisons: Callable[[Touched, Thresholds], list[Comparison]]


def holding(comparisons: list[Comparison]) -> NDArray[np.intp]:
    """Return the positions at which all comparisons hold."""
    return np.flatnonzero(np.logical_and.reduce([c.holds(c.values, c.threshold) for c in comparisons]))


def evidence_at(
    comparisons: list[Comparison], positions: NDArray[np.intp]
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Return the compared values and their thresholds by name, for each position."""
    names = [c.name for c in comparisons]
    values = [c.values[positions].astype(np.float64).tolist() for c in comparisons]
    thresholds = [
        np.broadcast_to(c.threshold, c.values.shape)[positions].astype(np.float64).tolist() for c in comparisons
    ]
    return [
        (dict(zip(names, compared, strict=True)), dict(zip(names, compared_with, strict=True)))
        for compared, compared_with in zip(zip(*values, strict=True), zip(*thresholds, strict=True), strict=True)
    ]
