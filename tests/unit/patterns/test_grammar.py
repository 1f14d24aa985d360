"""Conditions are parsed into what they say, written canonically, and refused with column and remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.patterns.grammar import ConditionError, parse_condition
from spark_jobs.patterns.measures import Subject
from tests.unit.patterns.rule_sets import conditions


@given(st.sampled_from(Subject).flatmap(lambda subject: st.tuples(st.just(subject), conditions(subject))))
def test_the_canonical_text_parses_to_the_same_condition(of: tuple[Subject, object]) -> None:
    subject, condition = of
    assert parse_condition(condition.text, subject) == condition  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("transactions>=80", "transactions >= 80"),
        ("  80<=transactions ", "transactions >= 80"),
        ("8.0e1 > mean_amount", "mean_amount < 80"),
        ("percentile( share ,  33.30 ) < share", "percentile(share, 33.3) < share"),
        ("merchant . customers > -0.5", "merchant.customers > -0.5"),
        ("transactions > 1e300", "transactions > 1e+300"),
    ],
)
def test_equal_conditions_have_one_text(text: str, canonical: str) -> None:
    assert parse_condition(text, Subject.PAIR).text == canonical


def test_in_a_pattern_of_merchants_bare_names_are_the_merchants() -> None:
    condition = parse_condition("merchant.customers < male_customers", Subject.MERCHANT)
    assert condition.text == "customers < male_customers"
    with pytest.raises(ConditionError, match="unknown measure 'mean_weight'"):
        parse_condition("mean_weight < 3", Subject.MERCHANT)
    assert parse_condition("transactions > percentile(transactions, 50)", Subject.MERCHANT)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("mean_amont < 23", 1, "unknown measure 'mean_amont', did you mean mean_amount? allowed are a number, trans"),
        ("customers > 5", 1, "unknown measure 'customers', did you mean merchant.customers?"),
        (
            "transactions > merchant.customer",
            25,
            "merchant.customer of a merchant, did you mean customers? allowed are",
        ),
        ("transactions > percentile(customers, 90)", 27, "unknown measure customers of a pair; allowed are transac"),
        ("transactions > percentile(transactions, 101)", 41, "percentile 101 is not between 0 and 100"),
        ("transactions > percentile(transactions 90)", 40, "expected a comma (,), found '90'"),
        ("transactions > percentile(transactions, q)", 41, "expected a number, found 'q'"),
        ("transactions > percentile", 16, "unknown measure 'percentile'"),
        ("transactions == 80", 14, "unexpected '='; the operators are > >= < <="),
        ("transactions ≥ 80", 14, "unexpected '≥'"),
        ("transactions , 80", 14, "expected an operator (> >= < <=), found ','"),
        ("transactions", 13, "expected an operator (> >= < <=), found ''"),
        ("transactions >", 15, "expected an operand, the condition ends; allowed are"),
        ("transactions > > 3", 16, "expected an operand, found '>'; allowed are"),
        ("transactions > 80 and mean_amount < 2", 19, "found 'and'; write one comparison a string"),
        ("", 1, "expected an operand, the condition ends"),
        ("3 < 4", 1, "both sides are numbers; allowed are"),
        ("transactions > 1e999", 16, "1e999 is too large"),
        ("total_amount > transactions", 1, "the units differ: total_amount is in ₹ and transactions has no unit"),
        ("percentile(mean_amount, 9) > share", 1, "percentile(mean_amount, 9) is in ₹ and share has no unit"),
        ("__import__('os').x > 1", 1, "unexpected"),
    ],
)
def test_an_error_names_the_column_and_what_is_allowed(text: str, column: int, said: str) -> None:
    with pytest.raises(ConditionError) as raised:
        parse_condition(text, Subject.PAIR)
    assert said in raised.value.problem
    assert text.startswith("__import__") or raised.value.column == column
