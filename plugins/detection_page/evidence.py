"""The signs of a pattern's comparisons, taken from the pattern itself."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from spark_jobs.core.patterns import PATTERNS
from spark_jobs.core.patterns.pattern import Touched, TouchedMerchants, TouchedPairs
from spark_jobs.core.thresholds import Thresholds

_SIGNS: Mapping[Any, str] = {np.greater: ">", np.greater_equal: "≥", np.less: "<", np.less_equal: "≤"}
_RUPEES = ("mean_amount",)


@cache
def signs(pattern_id: str) -> Mapping[str, str]:
    """Return the sign of each comparison of a pattern by its name; nothing of a pattern that is not known here."""
    pattern = next((pattern for pattern in PATTERNS if pattern.id == pattern_id), None)
    if pattern is None:
        return {}
    none = np.zeros(0)
    no_pairs = TouchedPairs(none.astype(int), none, none, none)
    nothing = Touched(no_pairs, TouchedMerchants(none, none, none, none, none))
    return {c.name: _SIGNS[c.holds] for c in pattern.comparisons(nothing, Thresholds())}


def evidence_view(pattern_id: str, values: Mapping[str, float], thresholds: Mapping[str, float]) -> list[Any]:
    """Return one entry a comparison: its name, the value, the sign, the threshold, and the unit."""
    known = signs(pattern_id)
    return [
        {
            "name": name.replace("_", " "),
            "value": value,
            "sign": known.get(name, "compared with"),
            "threshold": thresholds.get(name),
            "unit": "₹" if name in _RUPEES else "",
        }
        for name, value in values.items()
    ]
