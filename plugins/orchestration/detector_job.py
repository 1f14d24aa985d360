"""The detector's job in Databricks, through Airflow's hook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from orchestration.job_runs import find_permanent_error
from orchestration.supervise import Action, EndedRun, JobStatus, LiveRun, Step

_GET_JOB = ("GET", "2.1/jobs/get")
_LIST_RUNS = ("GET", "2.1/jobs/runs/list")
# A run that was cancelled, or skipped because another one was live, makes Databricks back off as little as a success.
_NO_FAILURE = ("SUCCESS", "CANCELED", "EXCLUDED", "MAXIMUM_CONCURRENT_RUNS_REACHED")


class DetectorJob:
    """A continuous job, found by its name. Every method raises the hook's errors if Databricks fails."""

    def __init__(self, hook: DatabricksHook, name: str) -> None:
        self._hook = hook
        self._job_id = hook.find_job_id_by_name(name)

    def status(self, now: datetime) -> JobStatus | None:
        """Return the status of the job, with the starts of the newest 25 runs; None if there is no such job."""
        if self._job_id is None:
            return None
        settings = self._call(_GET_JOB, {})["settings"]
        # Before the live ones, so that no run is seen as both.
        ended = self._runs({"completed_only": "true", "limit": 1})
        live = self._runs({"active_only": "true"})
        recent = self._runs({"start_time_from": round((now - timedelta(hours=1)).timestamp() * 1000), "limit": 25})
        return JobStatus(
            paused=settings.get("continuous", {}).get("pause_status") == "PAUSED",
            live=tuple(LiveRun(run["run_id"], _time(run["start_time"])) for run in reversed(live)),
            starts=tuple(_time(run["start_time"]) for run in recent),
            ended=self._ended(ended[0]) if ended else None,
        )

    def apply(self, step: Step) -> None:
        """Carry out one step of a plan."""
        if step.action is Action.UNPAUSE:
            self._hook.update_job(str(self._job_id), {"continuous": {"pause_status": "UNPAUSED"}})
        elif step.action is Action.START:
            self._hook.run_now({"job_id": self._job_id})
        else:
            assert step.run_id is not None
            self._hook.cancel_run(step.run_id)

    def _ended(self, run: Mapping[str, Any]) -> EndedRun:
        result = run["state"].get("result_state")
        # Databricks cancels a run whose task has used up its retries.
        error = None if result == "SUCCESS" else find_permanent_error(self._hook, run["run_id"])
        ended_at = _time(run.get("end_time") or run["start_time"])
        return EndedRun(run["run_id"], ended_at, result not in _NO_FAILURE, error)

    def _runs(self, arguments: Mapping[str, Any]) -> list[Any]:
        return list(self._call(_LIST_RUNS, arguments).get("runs", []))

    def _call(self, endpoint: tuple[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
        # The hook has no methods for these endpoints.
        return dict(self._hook._do_api_call(endpoint, {"job_id": self._job_id, **arguments}))


def _time(millis: float) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)
