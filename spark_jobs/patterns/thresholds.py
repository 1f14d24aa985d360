"""Thresholds: what patterns compare with. Each pattern names its own, with the default of its definition."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.errors import PermanentError

# The value of each threshold by its name.
Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Threshold:
    """A number that a pattern compares with, and that may be set.

    Attributes:
        name: begins with its pattern's; one that ends in `_percentile` lies between 0 and 100.
        default: that of the pattern's definition.
        meaning: one sentence, with the unit.
    """

    name: str
    default: float
    meaning: str


def default_thresholds(known: Iterable[Threshold]) -> Thresholds:
    """Return the default of each."""
    return {threshold.name: threshold.default for threshold in known}


def parse_thresholds(settings: Iterable[str], known: Iterable[Threshold]) -> Thresholds:
    """Read `name=value` settings, several in one with commas between; what is not named keeps its default.

    Raises:
        PermanentError: an unknown name, no finite number, or a percentile outside 0 to 100.
    """
    values = dict(default_thresholds(known))
    for setting in filter(None, ",".join(settings).split(",")):
        name, _, text = setting.partition("=")
        if name not in values:
            msg = f"--threshold {setting}: unknown; there are {', '.join(values)}"
            raise PermanentError(msg)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (name.endswith("_percentile") and not 0 <= value <= 100):
            msg = f"--threshold {setting}: give a finite number, a percentile between 0 and 100"
            raise PermanentError(msg)
        values[name] = value
    return values
