"""Rule sets: patterns as data, parsed from TOML."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from spark_jobs.errors import RulesError
from spark_jobs.kernel.reported import MAX_PATTERNS
from spark_jobs.patterns.grammar import Condition, ConditionError, Percentile, parse_condition, suggestion
from spark_jobs.patterns.measures import Subject

# The keys of a pattern in TOML, with their meanings for the reference page.
PATTERN_KEYS = {
    "id": "`patternId` of the detections: letters, digits, `_` and `-`",
    "action": "`ActionType` of the detections, of the same characters",
    "subject": "`pair` for a (merchant, customer), or `merchant`",
    "when": "a list of conditions, which must all hold",
    "status": "`active` (the default), `shadow` or `paused`",
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Status(StrEnum):
    """What happens to a pattern: reported, evaluated without being reported, or not evaluated."""

    ACTIVE = "active"
    SHADOW = "shadow"
    PAUSED = "paused"


@dataclass(frozen=True)
class Pattern:
    """A pattern, which holds where all its conditions hold.

    Attributes:
        id: `patternId` in the detections.
        action: `ActionType` there.
        subject: what it is true of.
        conditions: at least one, no two equal.
        status: whether it is evaluated and reported.
    """

    id: str
    action: str
    subject: Subject
    conditions: tuple[Condition, ...]
    status: Status = Status.ACTIVE

    @property
    def mark(self) -> str:
        """The name under which it is marked as reported; shadow has its own, so that promotion reports anew."""
        return f"~{self.id}" if self.status is Status.SHADOW else self.id


@dataclass(frozen=True)
class RuleSet:
    """The patterns of one version of the rules, in order of id."""

    patterns: tuple[Pattern, ...]

    @cached_property
    def evaluated(self) -> tuple[Pattern, ...]:
        """The patterns that are not paused."""
        return tuple(pattern for pattern in self.patterns if pattern.status is not Status.PAUSED)

    @cached_property
    def percentiles(self) -> frozenset[Percentile]:
        """The percentiles that the evaluated patterns compare."""
        return _percentiles(self.evaluated)

    @property
    def all_percentiles(self) -> frozenset[Percentile]:
        """The percentiles that any pattern compares, paused ones included."""
        return _percentiles(self.patterns)

    def conditions(self) -> dict[str, list[str]]:
        """Return the canonical text of each condition by pattern id, for logs."""
        return {pattern.id: [condition.text for condition in pattern.conditions] for pattern in self.patterns}

    def lines(self) -> list[str]:
        """Return the canonical text, one line per pattern and condition, for comparing rules."""
        return [
            line
            for pattern in self.patterns
            for line in (
                f"{pattern.id} {pattern.action} {pattern.subject} {pattern.status}",
                *(f"  {condition.text}" for condition in pattern.conditions),
            )
        ]


def diff_rules(before: RuleSet, after: RuleSet, names: tuple[str, str]) -> list[str]:
    """Return what changed, as lines of a unified diff that do not depend on how the rules were written."""
    return list(difflib.unified_diff(before.lines(), after.lines(), *names, n=99, lineterm=""))


def parse_rules(data: bytes, place: str) -> RuleSet:
    """Parse a file of rules; `place` names it in errors.

    Raises:
        RulesError: names pattern, condition and column, and what is allowed there.
    """
    return rules_from(parse_toml(data, place), place)


def parse_toml(data: bytes, place: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        RulesError: it is not TOML in UTF-8; names line and column.
    """
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{place}: not TOML in UTF-8: {error}; fix the file"
        raise RulesError(msg) from error


def rules_from(content: Mapping[str, Any], place: str) -> RuleSet:
    """Build the rules from parsed TOML; raises the errors of `parse_rules`."""
    _verify_keys(content, ("pattern",), place)
    tables = content.get("pattern")
    if not isinstance(tables, list) or not tables:
        msg = f"{place}: no [[pattern]]; write one for each pattern, and pause those that must not be reported"
        raise RulesError(msg)
    if len(tables) > MAX_PATTERNS:
        msg = f"{place}: {len(tables)} patterns; a pair has room for {MAX_PATTERNS}, remove some"
        raise RulesError(msg)
    patterns = [_pattern(table, f"{place}: pattern {number}") for number, table in enumerate(tables, 1)]
    ids = [pattern.id for pattern in patterns]
    repeated = next((name for at, name in enumerate(ids) if name in ids[:at]), None)
    if repeated is not None:
        msg = f"{place}: pattern {repeated} is defined twice; give each pattern its own id"
        raise RulesError(msg)
    return RuleSet(tuple(sorted(patterns, key=lambda pattern: pattern.id)))


def _percentiles(patterns: Iterable[Pattern]) -> frozenset[Percentile]:
    conditions = (condition for pattern in patterns for condition in pattern.conditions)
    operands = (operand for condition in conditions for operand in (condition.left, condition.right))
    return frozenset(operand for operand in operands if isinstance(operand, Percentile))


def _pattern(table: Any, place: str) -> Pattern:
    if not isinstance(table, dict):
        msg = f"{place} is not a table; write [[pattern]]"
        raise RulesError(msg)
    name = _name(table, "id", place)
    place = place.rpartition(" ")[0] + f" {name}"
    _verify_keys(table, tuple(PATTERN_KEYS), place)
    subject = Subject(_choice(table, "subject", Subject, place))
    status = Status(_choice({"status": Status.ACTIVE, **table}, "status", Status, place))
    return Pattern(name, _name(table, "action", place), subject, _conditions(table, subject, place), status)


def _conditions(table: Mapping[str, Any], subject: Subject, place: str) -> tuple[Condition, ...]:
    texts = table.get("when")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        msg = f'{place}: `when` must be a list of at least one condition, such as ["transactions >= 80"]'
        raise RulesError(msg)
    conditions: list[Condition] = []
    for number, text in enumerate(texts, 1):
        where = f'{place}, condition {number} "{text}"'
        try:
            condition = parse_condition(text, subject)
        except ConditionError as error:
            msg = f"{where}, column {error.column}: {error.problem}"
            raise RulesError(msg) from error
        if condition in conditions:
            msg = f"{where}: repeats condition {conditions.index(condition) + 1}; remove one"
            raise RulesError(msg)
        conditions.append(condition)
    return tuple(conditions)


def _name(table: Mapping[str, Any], key: str, place: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        found = f"is {value!r}" if key in table else "is missing"
        msg = f"{place}: `{key}` {found}; set 1 to 64 letters (A-Z, a-z), digits, _ or -"
        raise RulesError(msg)
    return value


def _choice(table: Mapping[str, Any], key: str, allowed: Iterable[str], place: str) -> str:
    value = table.get(key)
    names = [str(name) for name in allowed]
    if value not in names:
        found = f"is {value!r}" if key in table else "is missing"
        msg = f"{place}: `{key}` {found}; set {' or '.join(names)}"
        raise RulesError(msg)
    return str(value)


def _verify_keys(table: Mapping[str, Any], allowed: tuple[str, ...], place: str) -> None:
    unknown = next((key for key in table if key not in allowed), None)
    if unknown is not None:
        similar = suggestion(unknown, allowed)
        msg = f"{place}: unknown key {unknown!r}{similar or ';'} allowed are {', '.join(allowed)}"
        raise RulesError(msg)
