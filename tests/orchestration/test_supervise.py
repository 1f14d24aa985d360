"""The repair of the detector, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.alerts import Severity
from orchestration.observe import Observation
from orchestration.settings import Settings
from orchestration.supervise import Action, JobStatus, LiveRun, plan
from spark_jobs.lake.heartbeat import Heartbeat

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def starts(*seconds: float) -> JobStatus:
    return replace(RUNNING, starts=tuple(map(ago, seconds)))


OLD, YOUNG, SECOND = LiveRun(1, ago(1000)), LiveRun(1, ago(100)), LiveRun(2, ago(10))
RUNNING = JobStatus(paused=False, live=(OLD,), starts=(ago(1000),))
STARTING = replace(RUNNING, live=(YOUNG,))
DOUBLED = replace(RUNNING, live=(OLD, SECOND))
DEAD = replace(RUNNING, live=())
BEAT = Heartbeat(ago(990), ago(1), committed_line=50, landed_line=60, waiting=3)
WELL = Observation(NOW, heartbeat=BEAT)
SILENT = Observation(NOW, heartbeat=replace(BEAT, updated_at=ago(31)))
UNKNOWN = Observation(NOW)


@pytest.mark.parametrize(
    ("job", "seen", "steps"),
    [
        (RUNNING, WELL, []),
        (RUNNING, replace(WELL, uncommitted_since=ago(120)), []),
        (RUNNING, replace(WELL, uncommitted_since=ago(121)), [(Action.CANCEL, 1)]),
        (RUNNING, SILENT, [(Action.CANCEL, 1)]),
        (RUNNING, UNKNOWN, [(Action.CANCEL, 1)]),
        (STARTING, UNKNOWN, []),
        (STARTING, replace(SILENT, uncommitted_since=ago(900)), []),
        (DEAD, WELL, [(Action.START, None)]),
        (replace(DEAD, paused=True), WELL, [(Action.UNPAUSE, None)]),
        (replace(RUNNING, paused=True), WELL, [(Action.UNPAUSE, None)]),
        (DOUBLED, WELL, [(Action.CANCEL, 2)]),
        (DOUBLED, SILENT, [(Action.CANCEL, 2), (Action.CANCEL, 1)]),
        (None, WELL, []),
    ],
)
def test_the_detector_is_repaired(
    job: JobStatus | None, seen: Observation, steps: list[tuple[Action, int | None]]
) -> None:
    assert [(step.action, step.run_id) for step in plan(job, seen, Settings()).steps] == steps


def test_a_supervisor_that_may_not_edit_the_job_asks_people_to_unpause_it() -> None:
    decided = plan(replace(DEAD, paused=True), WELL, Settings(unpause_detector=False, detector_job="dev-detector"))
    assert decided.steps == ()
    [alert] = decided.alerts
    assert (alert.key, alert.severity) == ("detector-paused", Severity.CRITICAL)
    assert "'dev-detector' is paused" in alert.message
    assert "unpause it in Databricks" in alert.message


@pytest.mark.parametrize(
    ("job", "seen", "alerts"),
    [
        (RUNNING, WELL, []),
        (DEAD, WELL, ["detector-dead"]),
        (DOUBLED, WELL, ["detector-doubled"]),
        (RUNNING, SILENT, ["detector-stuck"]),
        (starts(0, 600, 1200, 1800, 2400), WELL, ["detector-restarts"]),
        (starts(0, 600, 1200, 1800), WELL, []),
        (starts(*[3601] * 9), WELL, []),
        (None, WELL, ["detector-missing"]),
        (replace(RUNNING, paused=True), WELL, ["detector-paused"]),
    ],
)
def test_every_repair_is_an_alert(job: JobStatus | None, seen: Observation, alerts: list[str]) -> None:
    assert [alert.key for alert in plan(job, seen, Settings()).alerts] == alerts
