"""Verdicts as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.judge import DagStatus, Level, Measure, assess, format_duration, judge_chunker, judge_detector
from orchestration.observe import Observation
from orchestration.settings import Settings
from spark_jobs.errors import HeartbeatUnreadableError, OffsetUnreadableError
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.offset import Offset

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


OFFSET = Offset(100, 1000, 1000, '"a"', ago(10).isoformat(), "")
BEAT = Heartbeat(ago(990), ago(1), committed_line=100, landed_line=100, waiting=3)
WELL = Observation(NOW, source_size=1000, offset=OFFSET, heartbeat=BEAT)
EMPTY = Observation(NOW)
DAG = DagStatus("chunk_transactions", known=True, last_run="failed")
PAUSED = replace(DAG, paused=True)
MISSING = DagStatus("chunk_transactions")


def changed(beat: dict[str, Any] | None = None, **changes: Any) -> Observation:
    """Return `WELL` with changes, some of them to its heartbeat."""
    if beat:
        changes["heartbeat"] = replace(BEAT, **beat)
    return replace(WELL, **changes)


@pytest.mark.parametrize(
    ("seen", "dag", "level", "reason"),
    [
        (WELL, DAG, Level.OK, "Every finished line of the master file is landed."),
        (WELL, MISSING, Level.OK, "Every finished line"),
        (WELL, PAUSED, Level.LATE, "chunk_transactions is paused"),
        (changed(unlanded_since=ago(60)), DAG, Level.OK, "Landing new lines."),
        (
            changed(unlanded_since=ago(61)),
            DAG,
            Level.LATE,
            "waited 1 min 1 s to be landed. The last run of chunk_transactions: failed.",
        ),
        (changed(unlanded_since=ago(301)), DAG, Level.DOWN, "waited 5 min 1 s"),
        (changed(unlanded_since=ago(301)), MISSING, Level.DOWN, "Airflow has no DAG chunk_transactions."),
        (changed(unlanded_since=ago(301)), replace(DAG, last_run=""), Level.DOWN, "has not run yet"),
        (changed(unlanded_since=ago(5)), PAUSED, Level.LATE, "is paused, and lines have waited for 5 s"),
        (changed(unlanded_since=ago(999)), PAUSED, Level.DOWN, "is paused"),
        (changed(source_size=999), DAG, Level.DOWN, "shrank: 999 bytes, 1,000 before"),
        (changed(source_size=None), DAG, Level.DOWN, "s3://transactions/transactions.csv is gone"),
        (EMPTY, DAG, Level.IDLE, "There is no master file yet; upload s3://transactions/transactions.csv."),
        (replace(EMPTY, offset_error=OffsetUnreadableError("it is damaged")), DAG, Level.DOWN, "it is damaged"),
    ],
)
def test_the_chunker_is_judged(seen: Observation, dag: DagStatus, level: Level, reason: str) -> None:
    verdict = judge_chunker(seen, Settings(), dag)
    assert verdict.level is level
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("seen", "level", "reason"),
    [
        (WELL, Level.OK, "Up for 16 min, all landed lines are committed."),
        (changed(uncommitted_since=ago(60)), Level.OK, "Up for 16 min, catching up."),
        (changed(uncommitted_since=ago(61)), Level.LATE, "A landed chunk has waited for 1 min 1 s"),
        (changed(uncommitted_since=ago(301)), Level.DOWN, "the committed line is 100"),
        (changed(beat={"updated_at": ago(30)}), Level.OK, "Up for"),
        (changed(beat={"updated_at": ago(31)}), Level.DOWN, "last heartbeat is 31 s old"),
        (changed(heartbeat=None, heartbeat_error=HeartbeatUnreadableError("damaged")), Level.DOWN, "damaged"),
        (EMPTY, Level.IDLE, "Nothing is landed yet"),
        (changed(heartbeat=None, uncommitted_since=ago(180)), Level.IDLE, "has not started yet"),
        (changed(heartbeat=None, uncommitted_since=ago(181)), Level.DOWN, "has never started"),
    ],
)
def test_the_detector_is_judged(seen: Observation, level: Level, reason: str) -> None:
    verdict = judge_detector(seen, Settings())
    assert verdict.level is level
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("lines", "window", "expected"),
    [
        (0, 0, Measure(0.0, Level.OK)),
        (1, 100, Measure(0.01, Level.OK)),
        (2, 100, Measure(0.02, Level.LATE)),
        (11, 100, Measure(0.11, Level.DOWN)),
    ],
)
def test_quarantine_is_judged_by_its_share(lines: int, window: int, expected: Measure) -> None:
    assert assess(changed(quarantined=lines, window=window), Settings()).quarantine == expected


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
def test_a_duration_has_its_greatest_units(seconds: float, two: str, one: str) -> None:
    assert (format_duration(seconds), format_duration(seconds, units=1)) == (two, one)
