"""What is to be done about the detector: pure decisions over what was observed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from orchestration.alerts import Alert, Severity
from orchestration.settings import Settings
from spark_jobs.lake.heartbeat import Heartbeat


class Act(Enum):
    """What the supervisor can do."""

    UNPAUSE = "unpause the job"
    START = "start a run"
    CANCEL = "cancel the run"


@dataclass(frozen=True)
class LiveRun:
    """A run of the detector's job that is not over."""

    run_id: int
    started_at: datetime


@dataclass(frozen=True)
class Observation:
    """The detector as it was found.

    Attributes:
        job_id: None where there is no job of its name.
        live: runs that are not over, oldest first.
        starts: when runs began, of the last hour.
        heartbeat: None before the first.
        oldest_waiting: when the oldest landed chunk that is not committed was landed; None where all are committed.
    """

    now: datetime
    job_id: int | None
    paused: bool
    live: tuple[LiveRun, ...]
    starts: tuple[datetime, ...]
    heartbeat: Heartbeat | None
    oldest_waiting: datetime | None


@dataclass(frozen=True)
class Step:
    """One thing to do, and why; `run_id` is None where it concerns the job."""

    act: Act
    why: str
    run_id: int | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in their order, and what people must know."""

    steps: tuple[Step, ...]
    alerts: tuple[Alert, ...]


def plan(seen: Observation, settings: Settings) -> Plan:
    """Return what heals the detector: paused is unpaused, dead is started, doubled is thinned out, stuck is cancelled.

    A continuous job starts again by itself; a cancelled run is therefore a restart.
    """
    if seen.job_id is None:
        message = (
            f"there is no job {settings.detector_job!r} in the workspace; deploy it, nothing is detected until then"
        )
        return Plan((), (Alert("detector-missing", Severity.CRITICAL, message),))
    steps: list[Step] = []
    alerts: list[Alert] = []

    def act(step: Step, key: str, message: str) -> None:
        steps.append(step)
        alerts.append(Alert(key, Severity.WARNING, message))

    if seen.paused:
        act(
            Step(Act.UNPAUSE, "the job is paused"),
            "detector-paused",
            "the detector's job was paused and has been unpaused",
        )
    elif not seen.live:
        act(Step(Act.START, "no run is live"), "detector-dead", "the detector was dead and has been started")
    keep, *doubles = seen.live or (None,)
    for run in doubles:
        if run:
            message = f"a second run of the detector, {run.run_id}, was live and has been cancelled"
            act(Step(Act.CANCEL, "a second run is live", run.run_id), "detector-doubled", message)
    if keep and (why := _trouble(seen, keep, settings)):
        message = (
            f"the detector was stuck ({why}) and its run {keep.run_id} has been cancelled, so that it starts again"
        )
        act(Step(Act.CANCEL, why, keep.run_id), "detector-stuck", message)
    hour_ago = seen.now - timedelta(hours=1)
    restarts = sum(start > hour_ago for start in seen.starts) - 1
    if restarts > settings.max_restarts_per_hour:
        message = f"the detector was restarted {restarts} times within an hour; see the logs of its runs"
        alerts.append(Alert("detector-restarts", Severity.CRITICAL, message))
    return Plan(tuple(steps), tuple(alerts))


def _trouble(seen: Observation, run: LiveRun, settings: Settings) -> str | None:
    """Return why a run must be cancelled, None where it is well or has not had its time yet."""
    if seen.now - run.started_at < timedelta(seconds=settings.start_seconds):
        return None
    beat = seen.heartbeat
    if beat is None:
        return f"no heartbeat {settings.start_seconds:.0f} s after its start"
    silence = (seen.now - beat.updated_at).total_seconds()
    if silence > settings.heartbeat_seconds:
        return f"its last heartbeat is {silence:.0f} s old"
    if seen.oldest_waiting is not None:
        waited = (seen.now - seen.oldest_waiting).total_seconds()
        if waited > settings.stuck_seconds:
            return f"a chunk has waited {waited:.0f} s, the committed line stays at {beat.committed_line}"
    return None
