"""The detector's job in Databricks, through Airflow's hook."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from orchestration.supervise import Action, JobStatus, LiveRun, Step

_GET_JOB = ("GET", "2.1/jobs/get")
_LIST_RUNS = ("GET", "2.1/jobs/runs/list")


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
        live = self._runs({"active_only": "true"})
        recent = self._runs({"start_time_from": round((now - timedelta(hours=1)).timestamp() * 1000), "limit": 25})
        return JobStatus(
            paused=settings.get("continuous", {}).get("pause_status") == "PAUSED",
            live=tuple(LiveRun(run["run_id"], _started_at(run)) for run in reversed(live)),
            starts=tuple(map(_started_at, recent)),
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

    def _runs(self, arguments: Mapping[str, Any]) -> list[Any]:
        return list(self._call(_LIST_RUNS, arguments).get("runs", []))

    def _call(self, endpoint: tuple[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
        # The hook has no methods for these endpoints.
        return dict(self._hook._do_api_call(endpoint, {"job_id": self._job_id, **arguments}))


def _started_at(run: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(run["start_time"] / 1000, UTC)
