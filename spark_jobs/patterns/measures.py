"""The measures that conditions compare: name, unit, meaning and computation, in one table.

Names, units and meanings also make the grammar, the evidence and the reference page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spark_jobs.kernel.fixed_point import PAISE, WEIGHT_UNITS

Values = NDArray[Any]

_RUPEES = "₹"


class Subject(StrEnum):
    """The kind of thing that a pattern is true of."""

    PAIR = "pair"
    MERCHANT = "merchant"


@dataclass(frozen=True)
class Measure:
    """A number known of each pair or of each merchant.

    Attributes:
        name: as conditions write it.
        unit: "₹", or "" for counts and other plain numbers.
        meaning: a phrase for the reference page.
        compute: returns the values: of pairs from an array of `PAIR`, NaN for those without a value; of merchants from
            their totals by name (`PairState.merchant_totals`), each of shape (m,).
        of_merchant: divide the values of pairs by their merchant's transactions.
    """

    name: str
    unit: str
    meaning: str
    compute: Callable[[Any], Values]
    of_merchant: bool = False


def _transactions(pairs: Values) -> Values:
    count = pairs["transactions"].astype(np.float64)
    # A pair that the chunk has created has no values before it.
    count[count == 0] = np.nan
    return count


def _total_amount(pairs: Values) -> Values:
    return np.where(pairs["transactions"] > 0, pairs["amount_paise"] / PAISE, np.nan)


def _mean_amount(pairs: Values) -> Values:
    means: Values = pairs["amount_paise"] / (_transactions(pairs) * PAISE)
    return means


def _mean_weight(pairs: Values) -> Values:
    weighted = pairs["weighted_transactions"].astype(np.int64)
    means = np.full(len(pairs), np.nan)
    np.divide(pairs["weight_units"], weighted * WEIGHT_UNITS, out=means, where=weighted > 0)
    return means


def _total(name: str) -> Callable[[Mapping[str, Values]], Values]:
    return lambda totals: totals[name]


def _by_name(*measures: Measure) -> Mapping[str, Measure]:
    return {measure.name: measure for measure in measures}


MEASURES: Mapping[Subject, Mapping[str, Measure]] = {
    Subject.PAIR: _by_name(
        Measure("transactions", "", "number of the pair's transactions", _transactions),
        Measure("total_amount", _RUPEES, "sum of their amounts", _total_amount),
        Measure("mean_amount", _RUPEES, "mean of their amounts", _mean_amount),
        Measure("mean_weight", "", "mean weight of those that have a weight; no value if none has", _mean_weight),
        Measure("share", "", "the pair's part of the merchant's transactions, 0 to 1", _transactions, of_merchant=True),
    ),
    Subject.MERCHANT: _by_name(
        Measure("transactions", "", "number of the merchant's transactions", _total("transactions")),
        Measure("customers", "", "number of its distinct customers", _total("customers")),
        Measure(
            "female_customers", "", "customers whose first transaction with it says `F`", _total("female_customers")
        ),
        Measure("male_customers", "", "customers whose first transaction with it says `M`", _total("male_customers")),
        Measure("total_amount", _RUPEES, "sum of its transactions' amounts", lambda t: t["amount_paise"] / PAISE),
        Measure(
            "mean_amount", _RUPEES, "mean of those amounts", lambda t: t["amount_paise"] / (t["transactions"] * PAISE)
        ),
    ),
}
