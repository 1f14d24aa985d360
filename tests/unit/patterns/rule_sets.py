"""Random rule sets of any shape that the grammar allows, with numbers that small histories reach."""

from hypothesis import strategies as st

from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.grammar import OPERATORS, Condition, Measured, Number, Operand, Percentile
from spark_jobs.patterns.measures import MEASURES, Subject
from spark_jobs.patterns.rules import Pattern, RuleSet, Status

_PERCENTILES = (0.0, 10.0, 33.3, 50.0, 90.0, 100.0)
_NUMBERS = (0.0, 0.2, 1.0, 2.0, 4.0, 10.0, 23.0, 30.5, 100.0, 1e12)


@st.composite
def conditions(draw: st.DrawFn, subject: Subject) -> Condition:
    left = draw(_operands(subject))
    right = draw(st.one_of(st.sampled_from(_NUMBERS).map(Number), _operands(subject, _unit(left))))
    return Condition(subject, left, draw(st.sampled_from(OPERATORS)), right)


def _operands(subject: Subject, unit: str | None = None) -> st.SearchStrategy[Measured | Percentile]:
    """Return operands other than numbers, of one unit or of any."""
    of = (Subject.PAIR, Subject.MERCHANT) if subject is Subject.PAIR else (Subject.MERCHANT,)
    measured = [Measured(s, m.name) for s in of for m in MEASURES[s].values() if unit in (None, m.unit)]
    pairs = [m.name for m in MEASURES[Subject.PAIR].values() if unit in (None, m.unit)]
    return st.one_of(
        st.sampled_from(measured), st.builds(Percentile, st.sampled_from(pairs), st.sampled_from(_PERCENTILES))
    )


def _unit(operand: Operand) -> str:
    match operand:
        case Measured(subject, name):
            return MEASURES[subject][name].unit
        case Percentile(name, _):
            return MEASURES[Subject.PAIR][name].unit
        case Number():
            return ""


@st.composite
def patterns(draw: st.DrawFn, number: int) -> Pattern:
    subject = draw(st.sampled_from(Subject))
    held = draw(st.lists(conditions(subject), min_size=1, max_size=3, unique=True))
    return Pattern(f"P{number}", f"ACTION-{number}", subject, tuple(held), draw(st.sampled_from(Status)))


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """Return the built-in rules with small numbers, or any patterns."""
    if draw(st.booleans()):
        return built_in_rules(
            {
                "upgrade_merchant_transactions": draw(st.integers(0, 12)),
                "upgrade_transactions_percentile": draw(st.sampled_from([0, 50, 90, 100])),
                "upgrade_weight_percentile": draw(st.sampled_from([0, 10, 50, 100])),
                "child_transactions": draw(st.integers(1, 5)),
                "child_mean_amount": draw(st.sampled_from([10, 23, 30])),
                "dei_female_customers": draw(st.integers(0, 2)),
            }
        )
    return RuleSet(tuple(draw(patterns(number)) for number in range(draw(st.integers(1, 4)))))
