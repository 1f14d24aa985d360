"""PatId2 CHILD: many small transactions of one customer with one merchant."""

import numpy as np

from spark_jobs.core.patterns.pattern import Comparison, Pattern, Subject, Touched
from spark_jobs.core.thresholds import Thresholds


def _comparisons(touched: Touched, thresholds: Thresholds) -> list[Comparison]:
    pairs = touched.pairs
    return [
        Comparison("transactions", pairs.transactions, np.greater_equal, thresholds.child_transactions),
        Comparison("mean_amount", pairs.mean_amount, np.less, thresholds.child_mean_amount),
    ]


CHILD = Pattern("PatId2", "CHILD", Subject.PAIR, _comparisons)
