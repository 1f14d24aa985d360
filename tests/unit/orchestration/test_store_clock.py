from datetime import UTC, datetime, timedelta

import pytest

from orchestration.store_clock import StoreClock, parse_date
from spark_jobs.errors import StorageError

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_store_is_asked_once_a_minute_and_its_time_goes_on_in_between() -> None:
    asked: list[float] = []
    seconds = 0.0

    def ask() -> datetime:
        asked.append(seconds)
        return TIME + timedelta(seconds=2 * seconds)  # it runs fast

    clock = StoreClock(ask, lambda: 1000 + seconds)
    assert clock.now() == TIME
    seconds = 60
    assert clock.now() == TIME + timedelta(seconds=60)
    assert asked == [0]
    seconds = 61
    assert clock.now() == TIME + timedelta(seconds=122)
    assert asked == [0, 61]


def test_a_response_has_the_time() -> None:
    assert parse_date({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, "s3://b") == TIME


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}], ids=str)
def test_a_response_without_the_time_is_an_error(headers: dict[str, str]) -> None:
    with pytest.raises(StorageError, match="s3://b: its responses have no valid `Date` header; use a store"):
        parse_date(headers, "s3://b")
