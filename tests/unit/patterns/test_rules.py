"""Rules are read from TOML, and refused with the name of the pattern and a remedy."""

import pickle

import pytest

from spark_jobs.errors import RulesError
from spark_jobs.patterns.grammar import Percentile
from spark_jobs.patterns.rules import Status, parse_rules


def pattern(**changes: str) -> str:
    keys = {"id": '"A"', "action": '"ACT"', "subject": '"pair"', "when": '["transactions > 1"]'} | changes
    return "\n".join(["[[pattern]]", *(f"{key} = {value}" for key, value in keys.items() if value), ""])


def test_patterns_are_in_order_of_id_and_active_by_default() -> None:
    rules = parse_rules((pattern(id='"B"', status='"paused"') + pattern(when='["1 < share"]')).encode(), "r.toml")
    assert [(p.id, p.status, [c.text for c in p.conditions]) for p in rules.patterns] == [
        ("A", Status.ACTIVE, ["share > 1"]),
        ("B", Status.PAUSED, ["transactions > 1"]),
    ]
    assert [p.id for p in rules.evaluated] == ["A"]


def test_only_percentiles_of_evaluated_patterns_are_wanted() -> None:
    one, other = ('["share > percentile(share, 5)"]', '["share > percentile(share, 6)"]')
    rules = parse_rules((pattern(when=one) + pattern(id='"B"', when=other, status='"paused"')).encode(), "r.toml")
    assert pickle.loads(pickle.dumps(rules)).percentiles == {Percentile("share", 5.0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (pattern(when='["transactons > 1"]'), 'r.toml: pattern A, condition 1 "transactons > 1", column 1: unknown'),
        (pattern(when="[]"), "pattern A: `when` must be a list of at least one condition"),
        (pattern(when='"share > 1"'), "pattern A: `when` must be a list"),
        (pattern(when="[1]"), "pattern A: `when` must be a list"),
        (pattern(when='["share > 1", "1 < share"]'), 'condition 2 "1 < share": repeats condition 1; remove one'),
        (
            pattern(actoin='"X"'),
            "pattern A: unknown key 'actoin', did you mean action? allowed are id, action, subject",
        ),
        (pattern(id=""), "r.toml: pattern 1: `id` is missing; set 1 to 64 letters"),
        (pattern(id='"=1+1"'), "pattern 1: `id` is '=1+1'; set 1 to 64 letters"),
        (pattern(id='"Ä"'), "`id` is 'Ä'"),
        (pattern(action='"A,B"'), "pattern A: `action` is 'A,B'"),
        (pattern(subject='"customer"'), "pattern A: `subject` is 'customer'; set pair or merchant"),
        (pattern(subject=""), "pattern A: `subject` is missing"),
        (pattern(status='"off"'), "pattern A: `status` is 'off'; set active or shadow or paused"),
        (pattern() + pattern(), "r.toml: pattern A is defined twice"),
        ("".join(pattern(id=f'"P{n}"') for n in range(17)), "17 patterns; a pair has room for 16"),
        ("", "r.toml: no [[pattern]]"),
        ("pattern = 3", "r.toml: no [[pattern]]"),
        ("pattern = [3]", "pattern 1 is not a table; write [[pattern]]"),
        ("patern = 3", "r.toml: unknown key 'patern', did you mean pattern?"),
        ("[[pattern]", "r.toml: not TOML in UTF-8: Expected"),
    ],
)
def test_an_error_names_the_place_and_the_remedy(text: str, said: str) -> None:
    with pytest.raises(RulesError) as raised:
        parse_rules(text.encode(), "r.toml")
    assert said in str(raised.value)


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(RulesError, match="not TOML in UTF-8"):
        parse_rules(b"\xff", "r.toml")
