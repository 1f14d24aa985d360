"""For any data, rules and first line, a what-if reports the difference of two full detections."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.kernel.pair_rows import all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import PairState, Weigh
from spark_jobs.lake.importance import parse_importance, weigher
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.rules import RuleSet, Status
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.what_if.pattern_reports import pattern_reports
from spark_jobs.what_if.trial import Trial
from tests.harness import reference
from tests.unit.patterns.rule_sets import rule_sets
from tests.unit.patterns.test_detect_property import NOW, Case, cases, chunks_of, importance_csv

_Key = tuple[str, str, str]


@st.composite
def trials(draw: st.DrawFn) -> tuple[Case, RuleSet, int]:
    """Return a case, the rules to try, and the chunk with which they begin."""
    case = draw(cases())
    unchanged = draw(st.integers(0, 3)) == 0
    return case, case.rules if unchanged else draw(rule_sets()), draw(st.integers(0, len(case.chunk_ends) - 1))


@given(trials())
def test_a_report_is_the_difference_of_two_full_detections(trial: tuple[Case, RuleSet, int]) -> None:
    case, tried, begin = trial
    from_line = [0, *case.chunk_ends][begin]
    state, found = run_detector(case, begin)
    what_if = Trial(restore_state(all_pair_rows(state, from_line)), tried, lambda: NOW, weigh_of(case))
    extents = list(zip([0, *case.chunk_ends], case.chunk_ends, strict=False))[begin:]
    for extent in extents:
        [sums] = chunks_of(case.lines, [extent])
        what_if.advance(sums)
    outcome = what_if.outcome(case.rules, [d for d in found if d.seq >= 0], [d for d in found if d.seq < 0])
    reports = {(one.pattern, one.recorded_as): one for one in pattern_reports(outcome)}
    history = [transaction for transaction in case.lines[:from_line] if transaction]
    patterns = {pattern.id: pattern for pattern in tried.patterns}
    for status in (Status.ACTIVE, Status.SHADOW):
        before = lines_by_key(case, Rules(case.rules, False), status, from_line)
        after = lines_by_key(case, with_trial(case.rules, tried, from_line), status, from_line)
        for name in {*(key[0] for key in before), *(key[0] for key in after)}:
            keys = {key for key in {*before, *after} if key[0] == name}
            new = keys - before.keys()
            both = keys & before.keys() & after.keys()
            held = {key for key in new if reference.holds(history, patterns[name], key[1], key[2], case.importance)}
            one = reports.pop((name, status))
            assert (one.same, one.new, one.gone, one.earlier, one.later, one.new_held_before) == (
                sum(before[key] == after[key] for key in both),
                len(new),
                len(keys - after.keys()),
                sum(after[key] < before[key] for key in both),
                sum(after[key] > before[key] for key in both),
                len(held),
            )
            assert one.differences == len(one.examples) or one.differences > 10
            for example in one.examples:
                key = (name, example.merchant, example.customer)
                assert (example.line_before, example.line) == (before.get(key), after.get(key))
                assert all(compared.holds for compared in (example.evidence if key in after else ()))
    assert all(one.same == one.differences == 0 for one in reports.values())
    if tried == case.rules:
        assert all(one.differences == 0 for one in pattern_reports(outcome))


def run_detector(case: Case, begin: int) -> tuple[PairState, list[Detection]]:
    """Return the state before a chunk, and what the detector finds from this chunk on, shadow included."""
    detector = Detector(PairState(), Reported(), Rules(case.rules, False), lambda: NOW, weigh_of(case))
    found: list[Detection] = []
    state = PairState()
    for number, extent in enumerate(zip([0, *case.chunk_ends], case.chunk_ends, strict=False)):
        if number == begin:
            state, found = restore_state(all_pair_rows(detector.state, extent[0])), []
        [sums] = chunks_of(case.lines, [extent])
        found += detector.find(sums)
    return state, found


def weigh_of(case: Case) -> Weigh | None:
    rows = case.importance
    return weigher(parse_importance(importance_csv(rows), "i.csv") if rows is not None else None)


def with_trial(rules: RuleSet, tried: RuleSet, from_line: int) -> Rules:
    return replace(Rules(rules, False), adopted=(Adoption(1, from_line, tried),))


def lines_by_key(case: Case, rules: Rules, status: Status, from_line: int) -> dict[_Key, int]:
    """Return the line at which each key is found, by a full detection, beyond a line."""
    found = reference.detections(case.lines, case.chunk_ends, rules, case.importance, status)
    return {
        (pattern, merchant, customer): line for line, pattern, _, merchant, customer, *_ in found if line > from_line
    }
