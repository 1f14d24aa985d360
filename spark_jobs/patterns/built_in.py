"""The built-in rules, which are version 0, and the shorthands that change their numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

from spark_jobs.errors import PermanentError
from spark_jobs.patterns.grammar import Condition, Number, Percentile
from spark_jobs.patterns.rules import RuleSet, parse_rules

BUILT_IN_TOML = (files(__package__) / "built_in.toml").read_bytes()
BUILT_IN = parse_rules(BUILT_IN_TOML, "built_in.toml")


@dataclass(frozen=True)
class Threshold:
    """A number on the right of a built-in condition: a constant, or the `q` of a percentile."""

    pattern_id: str
    condition: int

    @property
    def default(self) -> float:
        """The number in the built-in rules."""
        right = self.built_in.right
        assert isinstance(right, Number | Percentile)
        return right.value if isinstance(right, Number) else right.q

    @property
    def built_in(self) -> Condition:
        """The condition in the built-in rules."""
        pattern = next(pattern for pattern in BUILT_IN.patterns if pattern.id == self.pattern_id)
        return pattern.conditions[self.condition]

    @property
    def is_percentile(self) -> bool:
        """Whether the number is the `q` of a percentile."""
        return isinstance(self.built_in.right, Percentile)


# By the names that `--threshold` takes.
THRESHOLDS: Mapping[str, Threshold] = {
    "upgrade_merchant_transactions": Threshold("PatId1", 0),
    "upgrade_transactions_percentile": Threshold("PatId1", 1),
    "upgrade_weight_percentile": Threshold("PatId1", 2),
    "child_transactions": Threshold("PatId2", 0),
    "child_mean_amount": Threshold("PatId2", 1),
    "dei_female_customers": Threshold("PatId3", 0),
}


def parse_thresholds(settings: Iterable[str]) -> dict[str, float]:
    """Parse `name=value` settings, or several separated by commas, for `built_in_rules`.

    Raises:
        PermanentError: an unknown name, not a finite number, or a percentile outside 0 to 100.
    """
    values = {}
    for setting in filter(None, ",".join(settings).split(",")):
        name, _, text = setting.partition("=")
        if name not in THRESHOLDS:
            msg = f"--threshold {setting}: unknown; the thresholds are {', '.join(THRESHOLDS)}"
            raise PermanentError(msg)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (THRESHOLDS[name].is_percentile and not 0 <= value <= 100):
            msg = f"--threshold {setting}: set a finite number, or a percentile between 0 and 100"
            raise PermanentError(msg)
        values[name] = value
    return values


def built_in_rules(thresholds: Mapping[str, float]) -> RuleSet:
    """Return the built-in rules with other numbers, by the names in `THRESHOLDS`."""
    at = {(THRESHOLDS[name].pattern_id, THRESHOLDS[name].condition): float(v) for name, v in thresholds.items()}
    return RuleSet(
        tuple(
            replace(
                pattern,
                conditions=tuple(
                    _with_number(condition, at.get((pattern.id, number)))
                    for number, condition in enumerate(pattern.conditions)
                ),
            )
            for pattern in BUILT_IN.patterns
        )
    )


def _with_number(condition: Condition, value: float | None) -> Condition:
    if value is None:
        return condition
    right = condition.right
    return replace(condition, right=replace(right, q=value) if isinstance(right, Percentile) else Number(value))
