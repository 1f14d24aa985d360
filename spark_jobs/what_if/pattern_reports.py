"""The report on each pattern: counts, and examples with evidence."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from spark_jobs.lake.what_if_report import Compared, Example, PatternReport
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.explain import Explained
from spark_jobs.patterns.measures import Subject
from spark_jobs.patterns.rules import Pattern, RuleSet, Status
from spark_jobs.what_if.compare import Comparison, Difference, Kind

ABSENT = "absent"
_EXAMPLES = 10
_NOTHING = Comparison()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a what-if.

    Attributes:
        before: the rules in force at its last line.
        after: the rules of the what-if.
        compared: by status and pattern id, what both found.
        held: the keys whose conditions held at the first line already, see `Example.held_before`.
        explain: evaluates a pattern of `after`, at the last line, for merchants and customers.
    """

    before: RuleSet
    after: RuleSet
    compared: Mapping[Status, Mapping[str, Comparison]]
    held: Collection[tuple[str, str, str]]
    explain: Callable[[Pattern, Sequence[str], Sequence[str]], list[list[Explained]]]


def pattern_reports(outcome: Outcome) -> list[PatternReport]:
    """Return the report on each pattern that either rules have, or that was found."""
    before, after = _by_id(outcome.before), _by_id(outcome.after)
    ids = sorted({*before, *after, *(name for compared in outcome.compared.values() for name in compared)})
    return [
        _report(outcome, name, status, before.get(name), after.get(name))
        for name in ids
        for status in _recorded_as(outcome, name, before.get(name), after.get(name))
    ]


def _by_id(rules: RuleSet) -> dict[str, Pattern]:
    return {pattern.id: pattern for pattern in rules.patterns}


def _recorded_as(outcome: Outcome, name: str, before: Pattern | None, after: Pattern | None) -> list[Status]:
    """Return where a pattern has or may have records: among detections, in shadow, or both; else among detections."""
    now = {pattern.status for pattern in (before, after) if pattern}
    recorded = [one for one in (Status.ACTIVE, Status.SHADOW) if one in now or name in outcome.compared[one]]
    return recorded or [Status.ACTIVE]


def _report(
    outcome: Outcome, name: str, recorded_as: Status, before: Pattern | None, after: Pattern | None
) -> PatternReport:
    compared = outcome.compared[recorded_as].get(name, _NOTHING)
    counts = {str(kind): len(compared.of(kind)) for kind in Kind}
    return PatternReport(
        pattern=name,
        recorded_as=recorded_as,
        status_before=before.status if before else ABSENT,
        status=after.status if after else ABSENT,
        conditions_before=_texts(before),
        conditions=_texts(after),
        same=compared.same,
        **counts,
        new_held_before=sum(one.key in outcome.held for one in compared.of(Kind.NEW)),
        examples=[example for kind in Kind for example in _examples(outcome, compared.of(kind)[:_EXAMPLES], after)],
    )


def _texts(pattern: Pattern | None) -> list[str]:
    return [condition.text for condition in pattern.conditions] if pattern else []


def _examples(outcome: Outcome, differences: Sequence[Difference], after: Pattern | None) -> Iterable[Example]:
    now = _explain_gone(outcome, differences, after)
    for one in differences:
        _, merchant, customer = one.key
        yield Example(
            difference=one.kind,
            merchant=merchant,
            customer=customer,
            line=one.after.line if one.after else None,
            line_before=one.before.line if one.before else None,
            held_before=one.key in outcome.held,
            evidence=_evidence(one.after)
            if one.after
            else [_explained(condition) for condition in now.get(one.key, [])],
            evidence_before=_evidence(one.before) if one.before else [],
        )


def _explain_gone(
    outcome: Outcome, differences: Sequence[Difference], after: Pattern | None
) -> dict[tuple[str, str, str], list[Explained]]:
    """Evaluate a pattern at the last line for those that are gone, unless it is absent, paused or of other subjects."""
    if after is None or after.status is Status.PAUSED:
        return {}
    of_merchants = after.subject is Subject.MERCHANT
    gone = [one.key for one in differences if one.after is None and (one.key[2] == "") == of_merchants]
    if not gone:
        return {}
    _, merchants, customers = zip(*gone, strict=True)
    return dict(zip(gone, outcome.explain(after, merchants, customers), strict=True))


def _evidence(detection: Detection) -> list[Compared]:
    return [Compared(text, value, detection.thresholds[text], True) for text, value in detection.evidence.items()]


def _explained(one: Explained) -> Compared:
    return Compared(one.condition.text, _known(one.left), _known(one.right), one.holds)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
