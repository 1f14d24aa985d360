"""PatId2 CHILD: many small transactions of one customer with one merchant."""

import numpy as np

from spark_jobs.patterns.pattern import Comparison, Pattern, Subject, Touched
from spark_jobs.patterns.thresholds import Threshold, Thresholds

_TRANSACTIONS = Threshold("child_transactions", 80, "the pair's transactions must reach this")
_MEAN_AMOUNT = Threshold("child_mean_amount", 23, "the pair's mean amount must be below this, in rupees")


def _comparisons(touched: Touched, thresholds: Thresholds) -> list[Comparison]:
    pairs = touched.pairs
    return [
        Comparison("transactions", pairs.transactions, np.greater_equal, thresholds[_TRANSACTIONS.name]),
        Comparison("mean_amount", pairs.mean_amount, np.less, thresholds[_MEAN_AMOUNT.name], unit="₹"),
    ]


CHILD = Pattern("PatId2", "CHILD", Subject.PAIR, (_TRANSACTIONS, _MEAN_AMOUNT), _comparisons)
