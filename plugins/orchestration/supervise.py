"""Decisions about the detector's job: which steps repair it, and which alerts to raise."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from orchestration.alerts import Alert, Severity
from orchestration.judge import find_stall

if TYPE_CHECKING:
    from orchestration.observe import Observation
    from orchestration.settings import Settings


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
class JobStatus:
    """The detector's job in Databricks.

    Attributes:
        live: runs that have not ended, oldest first.
        starts: when the runs of the last hour started.
    """

    paused: bool
    live: tuple[LiveRun, ...]
    starts: tuple[datetime, ...]


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


def plan(job: JobStatus | None, seen: "Observation", settings: "Settings") -> Plan:
    """Return how to repair the detector: unpause a paused job, start a dead one, cancel second and stuck runs.

    The job is continuous and restarts by itself, so cancelling a run restarts it.

    Args:
        job: None if the workspace has no job of that name.
    """
    if job is None:
        message = f"the workspace has no job {settings.detector_job!r}, so nothing is detected; deploy it"
        return Plan((), (Alert("detector-missing", Severity.CRITICAL, message),))
    steps: list[Step] = []
    alerts: list[Alert] = []

    def repair(key: str, step: Step, message: str) -> None:
        steps.append(step)
        alerts.append(Alert(key, Severity.WARNING, message))

    if job.paused and not settings.unpause_detector:
        message = (
            f"the job {settings.detector_job!r} is paused and Airflow may not unpause it; unpause it in Databricks"
        )
        alerts.append(Alert("detector-paused", Severity.CRITICAL, message))
    elif job.paused:
        message = "the detector's job was paused and has been unpaused"
        repair("detector-paused", Step(Action.UNPAUSE, "the job is paused"), message)
    elif not job.live:
        message = "the detector was dead and has been started"
        repair("detector-dead", Step(Action.START, "no run is live"), message)
    for run in job.live[1:]:
        message = f"a second run of the detector, {run.run_id}, was live and has been cancelled"
        repair("detector-doubled", Step(Action.CANCEL, "a second run is live", run.run_id), message)
    for run in job.live[:1]:
        if reason := find_stall(seen, settings, run.started_at):
            message = f"the detector was stuck ({reason}); its run {run.run_id} has been cancelled to restart it"
            repair("detector-stuck", Step(Action.CANCEL, reason, run.run_id), message)
    hour_ago = seen.at - timedelta(hours=1)
    restarts = sum(start > hour_ago for start in job.starts) - 1
    if restarts > settings.max_restarts_per_hour:
        message = f"the detector was restarted {restarts} times within an hour; see the logs of its runs"
        alerts.append(Alert("detector-restarts", Severity.CRITICAL, message))
    return Plan(tuple(steps), tuple(alerts))
