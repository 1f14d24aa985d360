"""What the jobs that Airflow supervises in Databricks have in common, through Airflow's hook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from orchestration.job_runs import find_permanent_error
from orchestration.supervise import EndedRun

_GET_JOB = ("GET", "2.1/jobs/get")
_LIST_RUNS = ("GET", "2.1/jobs/runs/list")
# Databricks returns no more of them at once.
_RUNS = 25
# A run that was cancelled, or skipped because another one was live, makes Databricks back off as little as a success.
_NO_FAILURE = ("SUCCESS", "CANCELED", "EXCLUDED", "MAXIMUM_CONCURRENT_RUNS_REACHED")


class SupervisedJob:
    """A job, found by its name. Every method raises the hook's errors if Databricks fails.

    Attributes:
        job_id: None if the workspace has no such job.
    """

    def __init__(self, hook: DatabricksHook, name: str) -> None:
        self.hook = hook
        self.job_id = hook.find_job_id_by_name(name)

    def settings(self) -> dict[str, Any]:
        """Return the definition of the job."""
        return dict(self._call(_GET_JOB, {})["settings"])

    def live_runs(self) -> list[Any]:
        """Return the runs that have not ended, newest first."""
        return self._runs({"active_only": "true"})

    def ended_runs(self, limit: int = _RUNS) -> list[Any]:
        """Return the latest runs that have ended, newest first."""
        return self._runs({"completed_only": "true", "limit": limit})

    def runs_since_an_hour(self, now: datetime) -> list[Any]:
        """Return the latest runs that started within an hour, newest first."""
        since = now - timedelta(hours=1)
        return self._runs({"start_time_from": round(since.timestamp() * 1000), "limit": _RUNS})

    def ended(self, run: Mapping[str, Any]) -> EndedRun:
        """Return how a run ended."""
        result = run["state"].get("result_state")
        # Databricks cancels a run whose task has used up its retries.
        error = None if result == "SUCCESS" else find_permanent_error(self.hook, run["run_id"])
        ended_at = time_of(run.get("end_time") or run["start_time"])
        return EndedRun(run["run_id"], ended_at, result not in _NO_FAILURE, error)

    def _runs(self, arguments: Mapping[str, Any]) -> list[Any]:
        return list(self._call(_LIST_RUNS, arguments).get("runs", []))

    def _call(self, endpoint: tuple[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
        # The hook has no methods for these endpoints.
        return dict(self.hook._do_api_call(endpoint, {"job_id": self.job_id, **arguments}))


def time_of(millis: float) -> datetime:
    """Return a time of Databricks."""
    return datetime.fromtimestamp(millis / 1000, UTC)
