"""How runs of the jobs ended in Databricks."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from spark_jobs.exit_codes import FAILED_PERMANENT

_WRONG_COMMAND_LINE = 2
_PERMANENT = re.compile(rf"SystemExit: (?:{FAILED_PERMANENT}|{_WRONG_COMMAND_LINE})\b")
_FAILED = ("FAILED", "SUCCESS_WITH_FAILURES")


class RunReader(Protocol):
    """The part of Airflow's Databricks hook that this module uses."""

    def get_run(self, run_id: int) -> dict[str, Any]:
        """Return a run with its tasks."""

    def get_run_output(self, run_id: int) -> dict[str, Any]:
        """Return the error and the log of a task's run."""


def find_permanent_error(runs: RunReader, run_id: int) -> str | None:
    """Return why a run failed if running it again cannot help, else None."""
    for task in _latest_attempts(runs.get_run(run_id).get("tasks", [])):
        if task.get("state", {}).get("result_state") in _FAILED:
            reason = permanent_error(runs.get_run_output(task["run_id"]))
            if reason:
                return reason
    return None


def permanent_error(output: Mapping[str, Any]) -> str | None:
    """Return the error of a task's output if its exit code rules out a retry, in the job's own words if possible."""
    error = str(output.get("error") or "")
    if not _PERMANENT.search(error):
        return None
    # Databricks cuts long logs, perhaps before the last line.
    events = [line for line in str(output.get("logs") or "").splitlines() if '"retryable": false' in line]
    try:
        return str(json.loads(events[-1])["event"])
    except (IndexError, KeyError, TypeError, ValueError):
        return error


def _latest_attempts(tasks: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    ordered = sorted(tasks, key=lambda task: task.get("attempt_number", 0))
    return {task["task_key"]: task for task in ordered}.values()
