"""Thresholds that patterns compare with; each pattern declares its own, with defaults."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.errors import PermanentError

# The value of each threshold by its name.
Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Threshold:
    """A configurable number that a pattern compares with.

    Attributes:
        name: starts with the pattern's name; one that ends in `_percentile` is between 0 and 100.
        default: from the pattern's definition.
        meaning: one sentence, with the unit.
    """

    name: str
    default: float
    meaning: str


def default_thresholds(known: Iterable[Threshold]) -> Thresholds:
    """Return the default of each threshold."""
    return {threshold.name: threshold.default for threshold in known}


def parse_thresholds(settings: Iterable[str], known: Iterable[Threshold]) -> Thresholds:
    """Parse `name=value` settings, or several separated by commas; other thresholds keep their defaults.

    Raises:
        PermanentError: an unknown name, not a finite number, or a percentile outside 0 to 100.
    """
    values = dict(default_thresholds(known))
    for setting in filter(None, ",".join(settings).split(",")):
        name, _, text = setting.partition("=")
        if name not in values:
            msg = f"--threshold {setting}: unknown; the thresholds are {', '.join(values)}"
            raise PermanentError(msg)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (name.endswith("_percentile") and not 0 <= value <= 100):
            msg = f"--threshold {setting}: set a finite number, or a percentile between 0 and 100"
            raise PermanentError(msg)
        values[name] = value
    return values
