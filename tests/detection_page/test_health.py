"""Green, late or down, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detection_page.facts import DagFacts, DagRunFacts, LakeFacts
from detection_page.health import Level, chunks_per_minute, duration, judge_chunker, judge_detector, quarantine_share
from orchestration.settings import Settings
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.offset import Offset

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


OFFSET = Offset(100, 1000, 1000, '"a"', ago(10).isoformat(), "")
BEAT = Heartbeat(ago(990), ago(1), committed_line=100, landed_line=100, waiting=3)
WELL = LakeFacts(NOW, Settings(), source_size=1000, offset=OFFSET, heartbeat=BEAT)
EMPTY = LakeFacts(NOW, Settings())
DAG = DagFacts("chunk_transactions", paused=False, runs=(DagRunFacts("r1", "failed", ago(9), ago(8)),))
PAUSED = replace(DAG, paused=True)


@pytest.mark.parametrize(
    ("facts", "dag", "level", "why"),
    [
        (WELL, DAG, Level.OK, "Every finished line of the master file is landed."),
        (WELL, None, Level.OK, "Every finished line"),
        (WELL, PAUSED, Level.LATE, "chunk_transactions is paused"),
        (replace(WELL, behind_since=ago(60)), DAG, Level.OK, "Landing new lines."),
        (
            replace(WELL, behind_since=ago(61)),
            DAG,
            Level.LATE,
            "for 1 min 1 s. The last run of chunk_transactions: failed.",
        ),
        (replace(WELL, behind_since=ago(301)), DAG, Level.DOWN, "for 5 min 1 s."),
        (replace(WELL, behind_since=ago(301)), None, Level.DOWN, "Airflow has no DAG chunk_transactions."),
        (replace(WELL, behind_since=ago(301)), replace(DAG, runs=()), Level.DOWN, "has not run yet"),
        (replace(WELL, behind_since=ago(5)), PAUSED, Level.LATE, "is paused, and lines have waited for 5 s"),
        (replace(WELL, behind_since=ago(999)), PAUSED, Level.DOWN, "is paused"),
        (replace(WELL, source_size=999), DAG, Level.DOWN, "became shorter: 999 bytes, it had 1,000"),
        (replace(WELL, source_size=None), DAG, Level.DOWN, "s3://transactions/transactions.csv is gone"),
        (EMPTY, None, Level.IDLE, "There is no master file yet: upload s3://transactions/transactions.csv."),
        (replace(EMPTY, offset_error="offset.csv is damaged"), None, Level.DOWN, "offset.csv is damaged"),
    ],
)
def test_the_chunker_is_judged(facts: LakeFacts, dag: DagFacts | None, level: Level, why: str) -> None:
    verdict = judge_chunker(facts, dag)
    assert verdict.level is level
    assert why in verdict.why


@pytest.mark.parametrize(
    ("facts", "level", "why"),
    [
        (WELL, Level.OK, "Up for 16 min, all landed lines are committed."),
        (replace(WELL, uncommitted_since=ago(60)), Level.OK, "Up for 16 min, catching up."),
        (replace(WELL, uncommitted_since=ago(61)), Level.LATE, "A landed chunk has waited for 1 min 1 s"),
        (replace(WELL, uncommitted_since=ago(301)), Level.DOWN, "the committed line is 100"),
        (replace(WELL, heartbeat=replace(BEAT, updated_at=ago(30))), Level.OK, "Up for"),
        (replace(WELL, heartbeat=replace(BEAT, updated_at=ago(31))), Level.DOWN, "last heartbeat is 31 s old"),
        (replace(WELL, heartbeat=None, heartbeat_error="no heartbeat"), Level.DOWN, "no heartbeat"),
        (EMPTY, Level.IDLE, "Nothing is landed yet"),
        (replace(WELL, heartbeat=None, uncommitted_since=ago(180)), Level.IDLE, "not been heard of yet"),
        (replace(WELL, heartbeat=None, uncommitted_since=ago(181)), Level.DOWN, "never been heard of"),
    ],
)
def test_the_detector_is_judged(facts: LakeFacts, level: Level, why: str) -> None:
    verdict = judge_detector(facts)
    assert verdict.level is level
    assert why in verdict.why


@pytest.mark.parametrize(
    ("lines", "window", "expected"),
    [
        (0, 0, (0.0, Level.OK)),
        (1, 100, (0.01, Level.OK)),
        (2, 100, (0.02, Level.LATE)),
        (11, 100, (0.11, Level.DOWN)),
    ],
)
def test_quarantine_is_judged_by_its_share(lines: int, window: int, expected: tuple[float, Level]) -> None:
    assert quarantine_share(replace(WELL, quarantined=lines, quarantine_window=window)) == expected


def test_chunks_per_minute_are_those_of_the_window() -> None:
    landed_at = tuple(ago(seconds) for seconds in (0, 10, 299, 300, 301, -5))
    assert chunks_per_minute(landed_at, NOW, 300) == 0.6
    assert chunks_per_minute((), NOW, 300) == 0


@pytest.mark.parametrize(
    ("seconds", "two", "one"),
    [
        (0.9, "0 s", "0 s"),
        (61, "1 min 1 s", "1 min"),
        (3600, "1 h", "1 h"),
        (7260, "2 h 1 min", "2 h"),
        (90_000, "1 d 1 h", "1 d"),
    ],
)
def test_durations_have_their_greatest_units(seconds: float, two: str, one: str) -> None:
    assert (duration(seconds), duration(seconds, units=1)) == (two, one)
