"""What is done about the detector, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.settings import Settings
from orchestration.supervision import Act, LiveRun, Observation, plan
from spark_jobs.errors import HeartbeatUnreadableError
from spark_jobs.lake.heartbeat import Heartbeat, parse_heartbeat

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


OLD, YOUNG, SECOND = LiveRun(1, ago(1000)), LiveRun(1, ago(100)), LiveRun(2, ago(10))
BEAT = Heartbeat(ago(990), ago(1), committed_line=50, landed_line=60, waiting=3)
SILENT = replace(BEAT, updated_at=ago(31))
WELL = Observation(NOW, 7, False, (OLD,), (ago(1000),), BEAT, oldest_waiting=None)


@pytest.mark.parametrize(
    ("seen", "steps"),
    [
        (WELL, []),
        (replace(WELL, oldest_waiting=ago(120)), []),
        (replace(WELL, oldest_waiting=ago(121)), [(Act.CANCEL, 1)]),
        (replace(WELL, heartbeat=SILENT), [(Act.CANCEL, 1)]),
        (replace(WELL, heartbeat=None), [(Act.CANCEL, 1)]),
        (replace(WELL, heartbeat=None, live=(YOUNG,)), []),
        (replace(WELL, heartbeat=SILENT, live=(YOUNG,), oldest_waiting=ago(900)), []),
        (replace(WELL, live=()), [(Act.START, None)]),
        (replace(WELL, paused=True, live=()), [(Act.UNPAUSE, None)]),
        (replace(WELL, paused=True), [(Act.UNPAUSE, None)]),
        (replace(WELL, live=(OLD, SECOND)), [(Act.CANCEL, 2)]),
        (replace(WELL, live=(OLD, SECOND), heartbeat=SILENT), [(Act.CANCEL, 2), (Act.CANCEL, 1)]),
        (replace(WELL, job_id=None, live=()), []),
    ],
)
def test_the_detector_is_healed(seen: Observation, steps: list[tuple[Act, int | None]]) -> None:
    assert [(step.act, step.run_id) for step in plan(seen, Settings()).steps] == steps


@pytest.mark.parametrize(
    ("seen", "alerts"),
    [
        (WELL, []),
        (replace(WELL, live=()), ["detector-dead"]),
        (replace(WELL, live=(OLD, SECOND)), ["detector-doubled"]),
        (replace(WELL, heartbeat=SILENT), ["detector-stuck"]),
        (replace(WELL, starts=tuple(ago(600 * n) for n in range(5))), ["detector-restarts"]),
        (replace(WELL, starts=tuple(ago(600 * n) for n in range(4))), []),
        (replace(WELL, starts=(ago(3601),) * 9), []),
        (replace(WELL, job_id=None), ["detector-missing"]),
        (replace(WELL, paused=True), ["detector-paused"]),
    ],
)
def test_people_are_told(seen: Observation, alerts: list[str]) -> None:
    assert [alert.key for alert in plan(seen, Settings()).alerts] == alerts


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"started_at": "x"}'])
def test_a_heartbeat_that_cannot_be_read_is_named(data: bytes) -> None:
    with pytest.raises(HeartbeatUnreadableError, match=r"^s3://lake/state/detector\.json: "):
        parse_heartbeat(data, "s3://lake/state/detector.json")
