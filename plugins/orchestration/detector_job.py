"""The detector's job in Databricks: what it is doing, and what can be done to it, by Airflow's own hook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from orchestration.supervision import Act, LiveRun, Step

_GET_JOB = ("GET", "2.1/jobs/get")
_LIST_RUNS = ("GET", "2.1/jobs/runs/list")


class DetectorJob:
    """A continuous job, found by its name; every method raises the hook's errors where Databricks fails."""

    def __init__(self, hook: DatabricksHook, name: str) -> None:
        self._hook = hook
        self.job_id = hook.find_job_id_by_name(name)

    def is_paused(self) -> bool:
        """Return whether it has no run of its own accord."""
        settings = self._call(_GET_JOB, {"job_id": self.job_id})["settings"]
        return bool(settings.get("continuous", {}).get("pause_status") == "PAUSED")

    def live_runs(self) -> tuple[LiveRun, ...]:
        """Return the runs that are not over, oldest first."""
        runs = self._runs({"active_only": "true"})
        return tuple(LiveRun(run["run_id"], _time(run["start_time"])) for run in reversed(runs))

    def starts(self, now: datetime) -> tuple[datetime, ...]:
        """Return when runs of the last hour began, of the newest 25."""
        since = round((now - timedelta(hours=1)).timestamp() * 1000)
        return tuple(_time(run["start_time"]) for run in self._runs({"start_time_from": since, "limit": 25}))

    def take(self, step: Step) -> None:
        """Do one step of a plan."""
        if step.act is Act.UNPAUSE:
            self._hook.update_job(str(self.job_id), {"continuous": {"pause_status": "UNPAUSED"}})
        elif step.act is Act.START:
            self._hook.run_now({"job_id": self.job_id})
        else:
            assert step.run_id is not None
            self._hook.cancel_run(step.run_id)

    def _runs(self, arguments: Mapping[str, Any]) -> list[Any]:
        return list(self._call(_LIST_RUNS, {"job_id": self.job_id, **arguments}).get("runs", []))

    def _call(self, endpoint: tuple[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
        # The hook has no methods for these two.
        return dict(self._hook._do_api_call(endpoint, dict(arguments)))


def _time(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
