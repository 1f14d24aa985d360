"""Decisions about a chunker that follows the master file: which runs to start and cancel, and which alerts to raise.

A run ends by itself when its time is up. The next one starts before that, because its cluster takes minutes to start;
two runs may land side by side. Times of runs are Databricks' own, which are close enough to those of S3 for this.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from orchestration.alerts import Alert, Severity
from orchestration.judge import find_chunker_stall
from orchestration.supervise import Action, EndedRun, Plan, Step, carry_out

if TYPE_CHECKING:
    from orchestration.notify import Notifier
    from orchestration.observe import Observation
    from orchestration.settings import Settings

log = logging.getLogger(__name__)

_HOUR_SECONDS = 3600


@dataclass(frozen=True)
class FollowingRun:
    """A live run that follows the master file.

    Attributes:
        ends_at: when its time is up at the earliest: counted from its submission, before its cluster started.
    """

    run_id: int
    started_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class FollowStatus:
    """The chunker's job in Databricks, with those of its runs that follow.

    Attributes:
        follow_seconds: for how long a run follows; 0 if the job looks only once.
        live: runs that are neither ended nor being cancelled, oldest first.
        starts: when the runs of the last hour started.
        ended: of those that ended, the run that started last; None before the first.
    """

    follow_seconds: int
    live: tuple[FollowingRun, ...] = ()
    starts: tuple[datetime, ...] = ()
    ended: EndedRun | None = None


class Follower(Protocol):
    """The chunker's job, as `FollowerJob` accesses it."""

    def status(self, now: datetime) -> FollowStatus | None:
        """Return its status, None if there is no such job."""

    def apply(self, step: Step) -> None:
        """Carry out one step of a plan."""


def supervise_follower(job: Follower, seen: "Observation", settings: "Settings", alerts: "Notifier") -> None:
    """Keep one run following, and notify people as `carry_out` does."""
    status = job.status(seen.at)
    log.info("observed: %s, %s", status, seen)
    carry_out(job, plan_following(status, seen, settings), alerts)


def plan_following(job: FollowStatus | None, seen: "Observation", settings: "Settings") -> Plan:
    """Return how to keep the master file followed: start the next run in time, replace dead and stuck ones.

    After a permanent failure no run is started until the master file or `offset.csv` changes, or a person starts one.

    Args:
        job: None if the workspace has no job of that name.
    """
    if job is None:
        message = f"the workspace has no job {settings.chunker_job!r}, so nothing is landed; deploy it"
        return Plan((), (Alert("chunker-missing", Severity.CRITICAL, message),))
    if not job.follow_seconds:
        message = (
            f"Airflow's chunker_mode is follow, but runs of the job {settings.chunker_job!r} look only once (its"
            " parameter follow-seconds is 0), so none is started; deploy the job for this mode, or set Airflow's to run"
        )
        # One that is live goes on.
        severity = Severity.WARNING if job.live else Severity.CRITICAL
        return Plan((), (Alert("chunker-not-following", severity, message),))
    failure = _permanent_failure(job, seen, settings)
    may_start = failure is None or _has_changed(seen, job.ended)
    stuck = {run: reason for run in job.live if (reason := find_chunker_stall(seen, settings, run.started_at))}
    superfluous = [run for run in _superfluous(job, seen, settings) if run not in stuck]
    following = [run for run in job.live if run not in stuck and run not in superfluous]
    restarts = None if failure else _restarts(job, seen, settings)
    steps: list[Step] = []
    alerts = [alert for alert in (failure, restarts) if alert]
    for run, reason in stuck.items():
        steps.append(Step(Action.CANCEL, reason, run.run_id))
        message = f"the chunker was stuck ({reason}); its run {run.run_id} is being cancelled to start another"
        alerts.append(Alert("chunker-stuck", Severity.WARNING, message))
    for run in superfluous:
        steps.append(Step(Action.CANCEL, "a younger run follows as well", run.run_id))
        message = f"more runs of the chunker were live than needed, and the older one, {run.run_id}, is being cancelled"
        alerts.append(Alert("chunker-doubled", Severity.WARNING, message))
    if may_start and not following:
        steps.append(Step(Action.START, "no run is live"))
        if job.ended and not (failure or stuck or restarts):
            how = "failed" if job.ended.failed else "ended"
            message = f"no run of the chunker was live, and the next one is being started: run {job.ended.run_id} {how}"
            alerts.append(Alert("chunker-dead", Severity.WARNING, message))
    elif may_start and len(following) == 1 and _left(following[0], seen) < settings.start_seconds:
        steps.append(Step(Action.START, f"the time of run {following[0].run_id} is nearly up"))
    return Plan(tuple(steps), tuple(alerts))


def _left(run: FollowingRun, seen: "Observation") -> float:
    return (run.ends_at - seen.at).total_seconds()


def _superfluous(job: FollowStatus, seen: "Observation", settings: "Settings") -> list[FollowingRun]:
    """Return the runs that the youngest one has replaced, although they still have time.

    The youngest stays: a person who starts a run by hand wants that one, such as with a new wheel.
    """
    if not job.live or (seen.at - job.live[-1].started_at).total_seconds() < settings.start_seconds:
        return []
    return [run for run in job.live[:-1] if _left(run, seen) >= settings.start_seconds]


def _has_changed(seen: "Observation", ended: EndedRun | None) -> bool:
    """Return whether the master file or `offset.csv` was written since a permanently failed run ended."""
    written = [at for at in (seen.source_modified_at, seen.offset_written_at) if at]
    return ended is None or any(at > ended.ended_at for at in written)


def _restarts(job: FollowStatus, seen: "Observation", settings: "Settings") -> Alert | None:
    """Return an alert if more runs were started than took over from one whose time was up."""
    starts = sum(start > seen.at - timedelta(seconds=_HOUR_SECONDS) for start in job.starts)
    planned = math.ceil(_HOUR_SECONDS / max(1.0, job.follow_seconds - settings.start_seconds))
    if starts <= settings.max_restarts_per_hour + planned:
        return None
    message = f"{starts} runs of the chunker were started within an hour; see their logs"
    return Alert("chunker-restarts", Severity.CRITICAL, message)


def _permanent_failure(job: FollowStatus, seen: "Observation", settings: "Settings") -> Alert | None:
    """Return an alert from a permanent failure until a run has stayed up for `start_seconds` after it."""
    ended = job.ended
    if ended is None or ended.permanent_error is None:
        return None
    up = (seen.at - max(run.started_at, ended.ended_at) for run in job.live)
    if any(time.total_seconds() >= settings.start_seconds for time in up):
        return None
    message = f"run {ended.run_id} failed permanently, and the next one would, too: {ended.permanent_error}"
    return Alert("chunker-failed", Severity.CRITICAL, message)
