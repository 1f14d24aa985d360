"""What a repair runs again: pure decisions over a run that is over and the request."""

from local.databricks.errors import invalid
from local.databricks.model import Attempt, Json, Run


def check_latest_repair(run: Run, request: Json) -> None:
    """Check that who asks knows of all repairs so far.

    Raises:
        ApiError: the latest repair is another one.
    """
    latest = run.repairs[-1]["id"] if run.repairs else None
    if request.get("latest_repair_id") != latest:
        raise invalid(f"The latest repair of run {run.run_id} is {latest}, not {request.get('latest_repair_id')}.")


def tasks_to_repair(run: Run, request: Json) -> list[str]:
    """Return the keys of the tasks that are to run again: those that are named, or all that failed themselves.

    Raises:
        ApiError: a task that the run does not have, or none at all.
    """
    keys = {task["task_key"] for task in run.tasks}
    if request.get("rerun_all_failed_tasks"):
        last = {key: attempt for key in keys if (attempt := run.last_attempt(key))}
        chosen = {key for key in last if last[key].state.result != "SUCCESS" and not was_held_up(last[key])}
    else:
        chosen = set(request.get("rerun_tasks", []))
        if chosen - keys:
            raise invalid(f"Run {run.run_id} has no task {', '.join(sorted(chosen - keys))}.")
    if not chosen:
        raise invalid(f"Run {run.run_id} has no task to run again.")
    return sorted(chosen)


def was_held_up(attempt: Attempt) -> bool:
    """Return whether an attempt never began, because of a task that it depends on."""
    return (attempt.state.result or "").startswith("UPSTREAM_")
