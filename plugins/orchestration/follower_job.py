"""The chunker's job in Databricks, with those of its runs that follow the master file."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from orchestration.chunker_plan import FollowingRun, FollowStatus
from orchestration.supervise import Action, Step
from orchestration.supervised_job import SupervisedJob, time_of

_FOLLOW_SECONDS = "follow-seconds"


class FollowerJob(SupervisedJob):
    """The chunker's job; runs that look once, such as those that a person started, are left out.

    Args:
        token: unique for each try of a task, which starts at most one run: a request that the hook repeats, because
            its response was lost, starts no second one.
    """

    def __init__(self, hook: DatabricksHook, name: str, token: str) -> None:
        super().__init__(hook, name)
        self._token = token

    def status(self, now: datetime) -> FollowStatus | None:
        """Return the status of the job, from the newest 25 runs of each kind; None if there is no such job."""
        if self.job_id is None:
            return None
        default = _value(self.settings().get("parameters", []))
        # Before the live ones, so that no run is seen as both.
        ended = [run for run, _ in _following(self.ended_runs(), default)]
        live = [
            FollowingRun(run["run_id"], started, started + timedelta(seconds=seconds))
            for run, seconds in _following(self.live_runs(), default)
            if run["state"]["life_cycle_state"] != "TERMINATING"
            for started in [time_of(run["start_time"])]
        ]
        recent = _following(self.runs_since_an_hour(now), default)
        return FollowStatus(
            follow_seconds=default,
            live=tuple(reversed(live)),
            starts=tuple(time_of(run["start_time"]) for run, _ in recent),
            ended=self.ended(ended[0]) if ended else None,
        )

    def apply(self, step: Step) -> None:
        """Carry out one step of a plan."""
        if step.action is Action.START:
            self.hook.run_now({"job_id": self.job_id, "idempotency_token": self._token})
        else:
            assert step.run_id is not None
            self.hook.cancel_run(step.run_id)


def _following(runs: Iterable[Mapping[str, Any]], default: int) -> list[tuple[Mapping[str, Any], int]]:
    """Return the runs that follow, each with its seconds, without those that Databricks skipped."""
    found = [(run, _value(run.get("job_parameters", []), default)) for run in runs]
    return [(run, seconds) for run, seconds in found if seconds and run["state"]["life_cycle_state"] != "SKIPPED"]


def _value(parameters: Iterable[Mapping[str, Any]], default: int = 0) -> int:
    """Return how long a job, or a run, follows, from its parameters."""
    given = [one for one in parameters if one["name"] == _FOLLOW_SECONDS]
    return int(given[0].get("value") or given[0]["default"]) if given else default
