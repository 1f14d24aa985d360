from datetime import UTC, datetime

import numpy as np
import pytest

from pattern_page.series import SPANS, Grid, detections, grid, lag_seconds, throughput
from spark_jobs.lake.heartbeat_history import Sample

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOW.timestamp() // 60)


@pytest.mark.parametrize("span", SPANS)
def test_steps_end_with_the_present_one_and_are_not_many(span: str) -> None:
    steps = grid(SPANS[span], NOW)
    assert steps.slot(NOW.timestamp()) == steps.count - 1
    assert steps.count <= 100
    assert steps.count * steps.step == SPANS[span].minutes * 60


@pytest.mark.parametrize(
    ("span", "age_minutes", "step", "count"),
    [
        ("1h", 0, 60, 10),
        ("1h", 3, 60, 10),
        ("1h", 20, 60, 22),
        ("1h", 59, 60, 60),
        ("1h", 1000, 60, 60),
        ("6h", 3, 60, 10),
        ("6h", 100, 300, 22),
        ("24h", 3, 60, 10),
        ("24h", 100, 300, 22),
        ("24h", 600, 900, 42),
        ("24h", 100_000, 900, 96),
    ],
)
def test_a_new_system_has_shorter_and_finer_plots(span: str, age_minutes: float, step: int, count: int) -> None:
    first = NOW.timestamp() - 60 * age_minutes
    steps = grid(SPANS[span], NOW, first)
    assert (steps.step, steps.count) == (step, count)
    assert steps.slot(NOW.timestamp()) == count - 1
    assert steps.slot(first) >= 0 or age_minutes * 60 > SPANS[span].minutes * 60 - step


STEPS = Grid(MINUTE * 60, 120, 3)


def test_lag_is_the_maximum_of_each_step() -> None:
    samples = [
        Sample(MINUTE + at, 0, 0, lines, float(lines)) for at, lines in ((-1, 99), (0, 3), (1, 2), (4, 0), (6, 99))
    ]
    assert lag_seconds(samples, STEPS) == [3.0, None, 0.0]


def test_throughput_has_gaps_without_a_detector() -> None:
    landed = [(-1, 0), (0, 100), (1, 300), (5, 900), (6, 950)]
    samples = [Sample(MINUTE + at, line, line // 2, 0, 0.0) for at, line in landed]
    assert throughput(samples, STEPS) == ([150, None, None], [75, None, None])


def test_the_last_minute_has_no_throughput_yet() -> None:
    samples = [
        Sample(MINUTE, 100, 100, 0, 0.0),
        Sample(MINUTE + 1, 200, 200, 0, 0.0),
        Sample(MINUTE + 2, 201, 201, 0, 0.0),
    ]
    assert throughput(samples, STEPS)[1] == [100, None, None]


def test_a_new_lake_has_no_negative_throughput() -> None:
    samples = [Sample(MINUTE, 500, 500, 0, 0.0), Sample(MINUTE + 1, 10, 10, 0, 0.0), Sample(MINUTE + 2, 20, 20, 0, 0.0)]
    assert throughput(samples, STEPS)[0] == [0, None, None]


def test_detections_are_counted_by_pattern_in_any_order_of_times() -> None:
    times = np.array([STEPS.start + at for at in (-1, 300, 0, 119, 120, 360)])
    codes = np.array([0, 1, 0, 1, 0, 1])
    assert detections(times, codes, ["A", "B", "C"], STEPS) == {"A": [1, 1, 0], "B": [1, 0, 1], "C": [0, 0, 0]}
