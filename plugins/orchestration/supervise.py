"""Repairing jobs, and the decisions about the detector's: which steps repair it, and which alerts to raise."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from orchestration.alerts import Alert, Severity
from orchestration.judge import find_stall
from orchestration.state_store import StateStore, VariableMalformedError

if TYPE_CHECKING:
    from orchestration.notify import Notifier
    from orchestration.observe import Observation
    from orchestration.settings import Settings

log = logging.getLogger(__name__)

# Name under which `idle_since` is kept between runs.
IDLE = "transaction_patterns_detector_idle"


class Action(Enum):
    """What the supervisor can do."""

    UNPAUSE = "unpause the job"
    START = "start a run"
    CANCEL = "cancel the run"


@dataclass(frozen=True)
class LiveRun:
    """A run of the detector's job that has not ended."""

    run_id: int
    started_at: datetime


@dataclass(frozen=True)
class EndedRun:
    """The run of a job that ended last.

    Attributes:
        failed: whether Databricks counts it as a failure and backs off.
        permanent_error: why it failed, if running it again cannot help.
    """

    run_id: int
    ended_at: datetime
    failed: bool = False
    permanent_error: str | None = None


@dataclass(frozen=True)
class JobStatus:
    """The detector's job in Databricks.

    Attributes:
        live: runs that have not ended, oldest first.
        starts: when the runs of the last hour started.
        ended: the run that ended last, None before the first.
    """

    paused: bool
    live: tuple[LiveRun, ...]
    starts: tuple[datetime, ...]
    ended: EndedRun | None = None


@dataclass(frozen=True)
class Step:
    """One action and its reason; `run_id` is None if it concerns the job."""

    action: Action
    reason: str
    run_id: int | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in their order, and alerts."""

    steps: tuple[Step, ...]
    alerts: tuple[Alert, ...]


class Repairable(Protocol):
    """A job to which steps can be applied."""

    def apply(self, step: Step) -> None:
        """Carry out one step of a plan."""


class Job(Repairable, Protocol):
    """The detector's job, as `DetectorJob` accesses it."""

    def status(self, now: datetime) -> JobStatus | None:
        """Return its status, None if there is no such job."""


def carry_out(job: Repairable, decided: Plan, alerts: "Notifier") -> None:
    """Repair a job, and notify people.

    Alerts are recorded before anything is repaired: if the process dies or a step fails, the next try, which may find a
    healthy job, delivers them all the same.
    """
    alerts.record(decided.alerts)
    try:
        for step in decided.steps:
            log.warning("%s: %s (run %s)", step.action.value, step.reason, step.run_id)
            job.apply(step)
    finally:
        alerts.deliver()


def supervise_once(job: Job, seen: "Observation", settings: "Settings", state: StateStore, alerts: "Notifier") -> None:
    """Repair the detector, and notify people as `carry_out` does."""
    status = job.status(seen.at)
    before = _read_idle(state)
    idle = idle_since(status, before, seen.at)
    if idle != before:
        state.write(IDLE, idle.isoformat() if idle else None)
    log.info("observed: %s, %s", status, seen)
    carry_out(job, plan(status, seen, settings, idle), alerts)


def _read_idle(state: StateStore) -> datetime | None:
    value = state.read(IDLE)
    try:
        return datetime.fromisoformat(value) if value is not None else None
    except (TypeError, ValueError) as error:
        problem = f"not a time ({error}); delete the variable, and a detector without a run counts from now on"
        raise VariableMalformedError(IDLE, problem) from error


def idle_since(job: JobStatus | None, before: datetime | None, now: datetime) -> datetime | None:
    """Return since when the job should have a run and has none, or None if it has one or need not have one.

    Args:
        before: the result of the previous call.
    """
    if job is None or job.paused or job.live:
        return None
    since = before or now
    # The supervisor may have been paused itself since `before`.
    return max(since, job.ended.ended_at) if job.ended else since


def plan(job: JobStatus | None, seen: "Observation", settings: "Settings", idle: datetime | None) -> Plan:
    """Return how to repair the detector: unpause a paused job, start a dead one, cancel second and stuck runs.

    The job is continuous and restarts by itself, after a pause or with backoff, so cancelling a run restarts it, and a
    run is started only when Databricks should have done so. After a permanent failure it is left to people.

    Args:
        job: None if the workspace has no job of that name.
        idle: the result of `idle_since`.
    """
    if job is None:
        message = f"the workspace has no job {settings.detector_job!r}, so nothing is detected; deploy it"
        return Plan((), (Alert("detector-missing", Severity.CRITICAL, message),))
    steps: list[Step] = []
    alerts: list[Alert] = []

    def repair(key: str, step: Step, message: str) -> None:
        steps.append(step)
        alerts.append(Alert(key, Severity.WARNING, message))

    failure = _permanent_failure(job, seen, settings)
    if failure:
        alerts.append(failure)
    if job.paused and not settings.unpause_detector:
        message = (
            f"the job {settings.detector_job!r} is paused and Airflow may not unpause it; unpause it in Databricks"
        )
        alerts.append(Alert("detector-paused", Severity.CRITICAL, message))
    elif job.paused:
        message = "the detector's job was paused and is being unpaused"
        repair("detector-paused", Step(Action.UNPAUSE, "the job is paused"), message)
    elif idle and not failure and _is_overdue(job, seen.at - idle, settings):
        silence = f"no run has been live for {(seen.at - idle).total_seconds():.0f} s"
        repair("detector-dead", Step(Action.START, silence), f"the detector was dead and is being started: {silence}")
    for run in job.live[1:]:
        message = f"a second run of the detector, {run.run_id}, was live and is being cancelled"
        repair("detector-doubled", Step(Action.CANCEL, "a second run is live", run.run_id), message)
    for run in job.live[:1]:
        if reason := find_stall(seen, settings, run.started_at):
            message = f"the detector was stuck ({reason}); its run {run.run_id} is being cancelled to restart it"
            repair("detector-stuck", Step(Action.CANCEL, reason, run.run_id), message)
    hour_ago = seen.at - timedelta(hours=1)
    restarts = sum(start > hour_ago for start in job.starts) - 1
    if restarts > settings.max_restarts_per_hour and not failure:
        message = f"the detector was restarted {restarts} times within an hour; see the logs of its runs"
        alerts.append(Alert("detector-restarts", Severity.CRITICAL, message))
    return Plan(tuple(steps), tuple(alerts))


def _is_overdue(job: JobStatus, idle: timedelta, settings: "Settings") -> bool:
    patience = settings.backoff_seconds if job.ended and job.ended.failed else settings.pause_seconds
    return idle.total_seconds() > patience


def _permanent_failure(job: JobStatus, seen: "Observation", settings: "Settings") -> Alert | None:
    """Return an alert from a permanent failure until a later detector has stayed up for `start_seconds`."""
    if job.ended is None or job.ended.permanent_error is None:
        return None
    beat = seen.heartbeat
    stayed_up = beat and (beat.updated_at - beat.started_at).total_seconds() >= settings.start_seconds
    if job.live and beat and stayed_up and beat.started_at > job.ended.ended_at:
        return None
    message = f"run {job.ended.run_id} failed permanently, and restarts cannot help: {job.ended.permanent_error}"
    return Alert("detector-failed", Severity.CRITICAL, message)
