from datetime import UTC, datetime, timedelta

import pytest

from spark_jobs.errors import HistoryUnreadableError
from spark_jobs.lake.heartbeat_history import MINUTES, History, Sample, format_history, parse_history

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = int(START.timestamp() // 60)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_sample_has_the_last_lines_and_the_greatest_lags_of_its_minute() -> None:
    history = History()
    for second, landed, committed in ((0, 10, 10), (10, 30, 10), (13, 30, 10), (14, 40, 30), (59, 40, 40)):
        history.observe(at(second), landed, committed)
    assert history.samples == (Sample(MINUTE, 40, 40, lag_lines=20, lag_seconds=3.0),)


def test_lag_is_the_age_of_the_oldest_uncommitted_line() -> None:
    history = History()
    for second, landed, committed, lag in ((0, 10, 0, 0), (60, 20, 0, 60), (120, 20, 10, 60), (180, 20, 20, 0)):
        history.observe(at(second), landed, committed)
        assert history.samples[-1].lag_seconds == lag


def test_observe_reports_a_new_minute() -> None:
    history = History()
    assert [history.observe(at(second), 0, 0) for second in (0, 59, 60, 61, 30, 200)] == [
        *(True, False),
        *(True, False, False),
        True,
    ]
    assert [sample.minute - MINUTE for sample in history.samples] == [0, 1, 3]


def test_one_day_is_kept() -> None:
    history = History()
    for minute in range(MINUTES + 10):
        history.observe(at(60 * minute), minute, minute)
    assert [history.samples[0].minute, history.samples[-1].minute] == [MINUTE + 10, MINUTE + MINUTES + 9]
    # After a break of a day no earlier sample is left.
    history.observe(at(60 * 3 * MINUTES), 0, 0)
    assert len(history.samples) == 1


def test_memory_is_bounded_while_the_detector_stands_still() -> None:
    history = History()
    for chunk in range(17_280):
        history.observe(at(5 * chunk), chunk + 1, 0)
    assert len(history._waiting) <= 1024
    assert history.samples[-1].lag_seconds == 5 * 17_279


def test_the_next_detector_continues_the_history() -> None:
    history = History()
    history.observe(at(0), 10, 5)
    data = format_history(history.samples)
    following = History(parse_history(data, "history"))
    following.observe(at(1), 20, 20)
    assert following.samples == (Sample(MINUTE, 20, 20, 5, 0.0),)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"columns": ["minute"], "samples": []}', format_history([])[:-2] + b"[1]]}"]
)
def test_an_unreadable_history_is_named(data: bytes) -> None:
    with pytest.raises(HistoryUnreadableError, match=r"^s3://lake/state/detector_history\.json: "):
        parse_history(data, "s3://lake/state/detector_history.json")
