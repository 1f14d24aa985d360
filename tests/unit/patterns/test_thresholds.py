import pytest

from spark_jobs.errors import PermanentError
from spark_jobs.patterns.built_in import BUILT_IN, THRESHOLDS, built_in_rules, parse_thresholds


def test_the_built_in_rules_are_those_of_the_contract() -> None:
    assert BUILT_IN.conditions() == {
        "PatId1": [
            "merchant.transactions > 50000",
            "transactions >= percentile(transactions, 90)",
            "mean_weight <= percentile(mean_weight, 10)",
        ],
        "PatId2": ["transactions >= 80", "mean_amount < 23"],
        "PatId3": ["female_customers > 100", "female_customers < male_customers"],
    }
    assert [pattern.action for pattern in BUILT_IN.patterns] == ["UPGRADE", "CHILD", "DEI-NEEDED"]


def test_unset_thresholds_keep_the_built_in_numbers() -> None:
    assert parse_thresholds([]) == parse_thresholds([""]) == {}
    assert built_in_rules({}) == BUILT_IN
    assert built_in_rules({name: threshold.default for name, threshold in THRESHOLDS.items()}) == BUILT_IN


@pytest.mark.parametrize(
    ("name", "pattern", "condition"),
    [
        ("upgrade_merchant_transactions", 0, "merchant.transactions > 7"),
        ("upgrade_transactions_percentile", 0, "transactions >= percentile(transactions, 7)"),
        ("upgrade_weight_percentile", 0, "mean_weight <= percentile(mean_weight, 7)"),
        ("child_transactions", 1, "transactions >= 7"),
        ("child_mean_amount", 1, "mean_amount < 7"),
        ("dei_female_customers", 2, "female_customers > 7"),
    ],
)
def test_each_threshold_replaces_one_number(name: str, pattern: int, condition: str) -> None:
    before, after = BUILT_IN.conditions().values(), built_in_rules({name: 7}).conditions().values()
    differ = [(at, new) for at, (a, b) in enumerate(zip(before, after, strict=True)) for new in set(b) - set(a)]
    assert differ == [(pattern, condition)]


def test_settings_may_be_repeated_or_separated_by_commas() -> None:
    expected = {"child_transactions": 8, "dei_female_customers": 40}
    assert parse_thresholds(["child_transactions=8,dei_female_customers=40"]) == expected
    assert parse_thresholds(["child_transactions=8", "dei_female_customers=40"]) == expected


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("child=8", f"--threshold child=8: unknown; the thresholds are {', '.join(THRESHOLDS)}"),
        ("child_transactions=", "set a finite number"),
        ("child_transactions=nan", "set a finite number"),
        ("upgrade_weight_percentile=101", "a percentile between 0 and 100"),
    ],
)
def test_an_impossible_threshold_is_named(setting: str, said: str) -> None:
    with pytest.raises(PermanentError) as raised:
        parse_thresholds([setting])
    assert said in str(raised.value)
