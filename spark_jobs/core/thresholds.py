"""The thresholds of all patterns; the defaults are those of the pattern definitions."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from spark_jobs.core.errors import PermanentError


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What the patterns compare with.

    Attributes:
        upgrade_merchant_transactions: the merchant's transactions must exceed this.
        upgrade_transactions_percentile: of transactions over the merchant's customers, 0 to 100.
        upgrade_weight_percentile: of mean weights over the merchant's customers that have one, 0 to 100.
        child_transactions: the pair's transactions must reach this.
        child_mean_amount: the pair's mean amount must be below this, in rupees.
        dei_female_customers: the merchant's female customers must exceed this.
    """

    upgrade_merchant_transactions: float = 50_000
    upgrade_transactions_percentile: float = 90
    upgrade_weight_percentile: float = 10
    child_transactions: float = 80
    child_mean_amount: float = 23
    dei_female_customers: float = 100


def parse_thresholds(settings: Iterable[str]) -> Thresholds:
    """Read `name=value` settings, several in one with commas between; what is not named keeps its default.

    Raises:
        PermanentError: an unknown name, no finite number, or a percentile outside 0 to 100.
    """
    known = [field.name for field in fields(Thresholds)]
    values: dict[str, float] = {}
    for setting in filter(None, ",".join(settings).split(",")):
        name, _, text = setting.partition("=")
        if name not in known:
            msg = f"--threshold {setting}: unknown; there are {', '.join(known)}"
            raise PermanentError(msg)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (name.endswith("_percentile") and not 0 <= value <= 100):
            msg = f"--threshold {setting}: give a finite number, a percentile between 0 and 100"
            raise PermanentError(msg)
        values[name] = value
    return Thresholds(**values)
