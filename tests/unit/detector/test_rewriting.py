"""When superseded rows are worth rewriting."""

from collections.abc import Callable

import pytest

from spark_jobs.detector.spark_backend import is_worth_rewriting

PAIRS, BATCHES = 100_000, 2_000


def rows_read_and_written(touched: int, rewrites: Callable[[int, dict[str, int]], bool]) -> int:
    """Return the cost of many micro-batches that touch equally many pairs."""
    rows, cost, rewrite, since = PAIRS, 0, False, 0
    for _ in range(BATCHES):
        written = PAIRS if rewrite else touched
        counts = {"state_rows": rows, "pairs": PAIRS, "pairs_touched": touched, "pairs_written": written}
        cost += rows + written
        rows = PAIRS if rewrite else rows + touched
        since = 0 if rewrite else since + 1
        rewrite = rewrites(since, counts)
    return cost


@pytest.mark.parametrize("touched", [100, 1_000, 10_000, 50_000, 100_000])
def test_it_costs_little_more_than_with_the_best_period(touched: int) -> None:
    best = min(
        rows_read_and_written(touched, lambda since, _: since >= period)  # noqa: B023
        for period in (0, 1, 2, 3, 4, 6, 8, 12, 20, 40, 60, 100, 200)
    )
    assert rows_read_and_written(touched, lambda _, counts: is_worth_rewriting(counts)) <= 1.1 * best
