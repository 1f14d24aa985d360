"""PatId3 DEI-NEEDED: a merchant with many female customers, and still more male ones."""

import numpy as np

from spark_jobs.patterns.pattern import Comparison, Pattern, Subject, Touched
from spark_jobs.patterns.thresholds import Threshold, Thresholds

_FEMALE = Threshold("dei_female_customers", 100, "the merchant's female customers must exceed this")


def _comparisons(touched: Touched, thresholds: Thresholds) -> list[Comparison]:
    merchants = touched.merchants
    female = merchants.female_customers
    return [
        Comparison("female_customers", female, np.greater, thresholds[_FEMALE.name]),
        Comparison("female_below_male_customers", female, np.less, merchants.male_customers),
    ]


DEI_NEEDED = Pattern("PatId3", "DEI-NEEDED", Subject.MERCHANT, (_FEMALE,), _comparisons)
