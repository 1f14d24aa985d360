"""The repair of the detector, as tables."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.alerts import Severity
from orchestration.notify import Notifier
from orchestration.observe import Observation
from orchestration.settings import Settings
from orchestration.state_store import VariableMalformedError
from orchestration.supervise import (
    IDLE,
    Action,
    EndedRun,
    JobStatus,
    LiveRun,
    Step,
    idle_since,
    plan,
    supervise_once,
)
from spark_jobs.lake.heartbeat import Heartbeat
from tests.unit.orchestration.memory_state import MemoryState

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
FAILED = EndedRun(3, ago(2000), failed=True)
PERMANENT = replace(FAILED, permanent_error="the state is newer")
BEAT = Heartbeat(ago(990), ago(1), committed_line=50, landed_line=60, waiting=3)
WELL = Observation(NOW, heartbeat=BEAT)
SILENT = Observation(NOW, heartbeat=replace(BEAT, updated_at=ago(31)))
UNKNOWN = Observation(NOW)


@pytest.mark.parametrize(
    ("job", "seen", "idle", "steps"),
    [
        (RUNNING, WELL, None, []),
        (RUNNING, replace(WELL, uncommitted_since=ago(120)), None, []),
        (RUNNING, replace(WELL, uncommitted_since=ago(121)), None, [(Action.CANCEL, 1)]),
        (RUNNING, SILENT, None, [(Action.CANCEL, 1)]),
        (RUNNING, UNKNOWN, None, [(Action.CANCEL, 1)]),
        (STARTING, UNKNOWN, None, []),
        (STARTING, replace(SILENT, uncommitted_since=ago(900)), None, []),
        # Databricks pauses up to 60 s between runs, and longer after failures.
        (DEAD, WELL, ago(0), []),
        (DEAD, WELL, ago(180), []),
        (DEAD, WELL, ago(181), [(Action.START, None)]),
        (replace(DEAD, ended=replace(FAILED, failed=False)), WELL, ago(181), [(Action.START, None)]),
        (replace(DEAD, ended=FAILED), WELL, ago(1800), []),
        (replace(DEAD, ended=FAILED), WELL, ago(1801), [(Action.START, None)]),
        (replace(DEAD, ended=PERMANENT), WELL, ago(86_400), []),
        (replace(DEAD, paused=True), WELL, None, [(Action.UNPAUSE, None)]),
        (replace(DEAD, paused=True, ended=PERMANENT), WELL, None, [(Action.UNPAUSE, None)]),
        (replace(RUNNING, paused=True), WELL, None, [(Action.UNPAUSE, None)]),
        (DOUBLED, WELL, None, [(Action.CANCEL, 2)]),
        (DOUBLED, SILENT, None, [(Action.CANCEL, 2), (Action.CANCEL, 1)]),
        (None, WELL, None, []),
    ],
)
def test_the_detector_is_repaired(
    job: JobStatus | None, seen: Observation, idle: datetime | None, steps: list[tuple[Action, int | None]]
) -> None:
    assert [(step.action, step.run_id) for step in plan(job, seen, Settings(), idle).steps] == steps


def test_a_supervisor_that_may_not_edit_the_job_asks_people_to_unpause_it() -> None:
    settings = Settings(unpause_detector=False, detector_job="dev-detector")
    decided = plan(replace(DEAD, paused=True), WELL, settings, None)
    assert decided.steps == ()
    [alert] = decided.alerts
    assert (alert.key, alert.severity) == ("detector-paused", Severity.CRITICAL)
    assert "'dev-detector' is paused" in alert.message
    assert "unpause it in Databricks" in alert.message


@pytest.mark.parametrize(
    ("job", "seen", "idle", "alerts"),
    [
        (RUNNING, WELL, None, []),
        (DEAD, WELL, ago(60), []),
        (DEAD, WELL, ago(181), ["detector-dead"]),
        (DOUBLED, WELL, None, ["detector-doubled"]),
        (RUNNING, SILENT, None, ["detector-stuck"]),
        (starts(0, 600, 1200, 1800, 2400), WELL, None, ["detector-restarts"]),
        (
            replace(starts(0, 600, 1200, 1800, 2400), ended=replace(PERMANENT, ended_at=ago(1))),
            WELL,
            None,
            ["detector-failed"],
        ),
        (starts(0, 600, 1200, 1800), WELL, None, []),
        (starts(*[3601] * 9), WELL, None, []),
        (None, WELL, None, ["detector-missing"]),
        (replace(RUNNING, paused=True), WELL, None, ["detector-paused"]),
    ],
)
def test_every_repair_is_an_alert(
    job: JobStatus | None, seen: Observation, idle: datetime | None, alerts: list[str]
) -> None:
    assert [alert.key for alert in plan(job, seen, Settings(), idle).alerts] == alerts


def up(since: float, until: float) -> Observation:
    return Observation(NOW, heartbeat=replace(BEAT, started_at=ago(since), updated_at=ago(until)))


@pytest.mark.parametrize(
    ("seen", "holds"),
    [
        (UNKNOWN, True),
        (up(3000, 2000), True),  # of the detector that failed
        (up(100, 1), True),  # it may fail again, as it did before
        (up(181, 1), False),
        (up(990, 600), False),  # it was healthy, and is stuck now
    ],
)
def test_a_permanent_failure_holds_until_a_later_detector_stays_up(seen: Observation, holds: bool) -> None:
    job = replace(RUNNING, ended=PERMANENT)
    alerts = {alert.key: alert.message for alert in plan(job, seen, Settings(), None).alerts}
    assert ("detector-failed" in alerts) == holds
    if holds:
        assert alerts["detector-failed"] == ("run 3 failed permanently, and restarts cannot help: the state is newer")


@pytest.mark.parametrize(
    ("job", "before", "expected"),
    [
        (None, ago(9), None),
        (RUNNING, ago(9), None),
        (replace(DEAD, paused=True), ago(9), None),
        (DEAD, None, NOW),  # it has just been unpaused, or created
        (DEAD, ago(9), ago(9)),
        (replace(DEAD, ended=FAILED), ago(9), ago(9)),
        (replace(DEAD, ended=replace(FAILED, ended_at=ago(5))), ago(900), ago(5)),
    ],
)
def test_a_job_is_idle_since_it_was_first_seen_without_a_run(
    job: JobStatus | None, before: datetime | None, expected: datetime | None
) -> None:
    assert idle_since(job, before, NOW) == expected


class PowerCut(BaseException):
    """Raised in place of the end of a process."""


class World:
    """A detector that was paused, and the people; `cut` is called before each effect, and may raise."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self.cut = cut
        self.state = MemoryState(self._cut)
        self.paused = True
        self.received: list[str] = []

    def _cut(self) -> None:
        self.cut()

    def status(self, now: datetime) -> JobStatus:
        return replace(RUNNING, paused=self.paused, starts=(now,))

    def apply(self, step: Step) -> None:
        self.cut()
        assert step.action is Action.UNPAUSE
        self.paused = False
        self.cut()

    def send(self, text: str) -> None:
        self.cut()
        self.received.append(text.split(":")[0])
        self.cut()

    def supervise(self) -> None:
        supervise_once(self, WELL, Settings(), self.state, Notifier("detector", self.state, self.send))


@pytest.mark.parametrize("survived", range(8))
def test_people_hear_of_every_repair_whenever_the_process_dies(survived: int) -> None:
    effects = 0

    def cut() -> None:
        nonlocal effects
        effects += 1
        # A dead process has no further effect.
        if effects > survived:
            raise PowerCut

    world = World(cut)
    with contextlib.suppress(PowerCut):
        world.supervise()
    world.cut = lambda: None
    world.supervise()
    world.supervise()
    assert not world.paused
    assert list(dict.fromkeys(world.received)) == ["WARNING detector-paused", "RESOLVED detector-paused"]
    assert len(world.received) <= 3, "at most the message in flight is sent twice"


def test_a_repair_that_fails_is_told_as_well() -> None:
    world = World(lambda: None)

    def fail(_: Step) -> None:
        raise OSError("Databricks is down")

    world.apply = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(OSError, match="Databricks is down"):
        world.supervise()
    assert world.received == ["WARNING detector-paused"]


def test_the_time_without_a_run_is_kept_between_runs() -> None:
    world = World(lambda: None)
    world.paused = False
    world.status = lambda _: DEAD  # type: ignore[method-assign,assignment]
    world.supervise()
    assert world.state.read(IDLE) == NOW.isoformat()
    world.status = lambda _: RUNNING  # type: ignore[method-assign,assignment]
    world.supervise()
    assert world.state.read(IDLE) is None
    world.state.write(IDLE, 7)
    with pytest.raises(VariableMalformedError, match=f"{IDLE}: not a time .*; delete the variable"):
        world.supervise()
