import pytest

from spark_jobs.core.errors import PermanentError
from spark_jobs.core.thresholds import Thresholds, parse_thresholds


def test_what_is_not_named_keeps_its_default() -> None:
    assert parse_thresholds([]) == parse_thresholds([""]) == Thresholds()


def test_several_stand_in_one_value_or_in_several() -> None:
    expected = Thresholds(child_transactions=8, dei_female_customers=40)
    assert parse_thresholds(["child_transactions=8,dei_female_customers=40"]) == expected
    assert parse_thresholds(["child_transactions=8", "dei_female_customers=40"]) == expected


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("child=8", "--threshold child=8: unknown; there are upgrade_merchant_transactions"),
        ("child_transactions=", "give a finite number"),
        ("child_transactions=nan", "give a finite number"),
        ("upgrade_weight_percentile=101", "a percentile between 0 and 100"),
    ],
)
def test_a_threshold_that_cannot_be_is_named(setting: str, said: str) -> None:
    with pytest.raises(PermanentError) as raised:
        parse_thresholds([setting])
    assert said in str(raised.value)
