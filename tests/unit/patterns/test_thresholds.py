import pytest

from spark_jobs.errors import PermanentError
from spark_jobs.patterns import DEFAULT_THRESHOLDS, THRESHOLDS
from spark_jobs.patterns.thresholds import parse_thresholds


def test_unset_thresholds_keep_their_defaults() -> None:
    assert parse_thresholds([], THRESHOLDS) == parse_thresholds([""], THRESHOLDS) == DEFAULT_THRESHOLDS


def test_settings_may_be_repeated_or_separated_by_commas() -> None:
    expected = {**DEFAULT_THRESHOLDS, "child_transactions": 8, "dei_female_customers": 40}
    assert parse_thresholds(["child_transactions=8,dei_female_customers=40"], THRESHOLDS) == expected
    assert parse_thresholds(["child_transactions=8", "dei_female_customers=40"], THRESHOLDS) == expected


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("child=8", "--threshold child=8: unknown; the thresholds are upgrade_merchant_transactions"),
        ("child_transactions=", "set a finite number"),
        ("child_transactions=nan", "set a finite number"),
        ("upgrade_weight_percentile=101", "a percentile between 0 and 100"),
    ],
)
def test_an_impossible_threshold_is_named(setting: str, said: str) -> None:
    with pytest.raises(PermanentError) as raised:
        parse_thresholds([setting], THRESHOLDS)
    assert said in str(raised.value)


def test_threshold_names_are_unique() -> None:
    assert len({threshold.name for threshold in THRESHOLDS}) == len(THRESHOLDS)
