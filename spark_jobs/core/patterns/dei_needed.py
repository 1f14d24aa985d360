"""PatId3 DEI-NEEDED: a merchant with many female customers, and still more male ones."""

import numpy as np

from spark_jobs.core.patterns.pattern import Comparison, Pattern, Subject, Touched
from spark_jobs.core.thresholds import Thresholds


def _comparisons(touched: Touched, thresholds: Thresholds) -> list[Comparison]:
    merchants = touched.merchants
    female = merchants.female_customers
    return [
        Comparison("female_customers", female, np.greater, thresholds.dei_female_customers),
        Comparison("female_below_male_customers", female, np.less, merchants.male_customers),
    ]


DEI_NEEDED = Pattern("PatId3", "DEI-NEEDED", Subject.MERCHANT, _comparisons)
