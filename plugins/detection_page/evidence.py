"""The signs and units of a pattern's comparisons, taken from the pattern itself."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from spark_jobs.patterns import DEFAULT_THRESHOLDS, PATTERNS
from spark_jobs.patterns.pattern import Comparison, Touched, TouchedMerchants, TouchedPairs

_SIGNS: Mapping[Any, str] = {np.greater: ">", np.greater_equal: "≥", np.less: "<", np.less_equal: "≤"}


@cache
def comparisons(pattern_id: str) -> Mapping[str, Comparison]:
    """Return the comparisons of a pattern by name, over no values; none of a pattern that is not known here."""
    pattern = next((pattern for pattern in PATTERNS if pattern.id == pattern_id), None)
    if pattern is None:
        return {}
    none = np.zeros(0)
    no_pairs = TouchedPairs(none.astype(int), none, none, none)
    nothing = Touched(no_pairs, TouchedMerchants(none, none, none, none, none))
    return {comparison.name: comparison for comparison in pattern.comparisons(nothing, DEFAULT_THRESHOLDS)}


def evidence_view(pattern_id: str, values: Mapping[str, float], thresholds: Mapping[str, float]) -> list[Any]:
    """Return one entry a comparison: its name, the value, the sign, the threshold, and the unit."""
    known = comparisons(pattern_id)
    return [
        {
            "name": name.replace("_", " "),
            "value": value,
            "sign": _SIGNS[known[name].holds] if name in known else "compared with",
            "threshold": thresholds.get(name),
            "unit": known[name].unit if name in known else "",
        }
        for name, value in values.items()
    ]
