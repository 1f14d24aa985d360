"""PatId1 UPGRADE: frequent customers of a big merchant whose transactions weigh little."""

import numpy as np

from spark_jobs.patterns.pattern import (
    TRANSACTIONS_PERCENTILE,
    WEIGHT_PERCENTILE,
    Comparison,
    Pattern,
    Subject,
    Touched,
)
from spark_jobs.patterns.thresholds import Threshold, Thresholds

_MERCHANT = Threshold("upgrade_merchant_transactions", 50_000, "the merchant's transactions must exceed this")


def _comparisons(touched: Touched, thresholds: Thresholds) -> list[Comparison]:
    pairs, merchants = touched.pairs, touched.merchants
    of_pair = pairs.merchant
    return [
        Comparison("merchant_transactions", merchants.transactions[of_pair], np.greater, thresholds[_MERCHANT.name]),
        Comparison("transactions", pairs.transactions, np.greater_equal, merchants.transactions_percentile[of_pair]),
        Comparison("mean_weight", pairs.mean_weight, np.less_equal, merchants.weight_percentile[of_pair]),
    ]


UPGRADE = Pattern(
    "PatId1", "UPGRADE", Subject.PAIR, (_MERCHANT, TRANSACTIONS_PERCENTILE, WEIGHT_PERCENTILE), _comparisons
)
