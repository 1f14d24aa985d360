"""Decisions about a run: which tasks run next, are retried or repaired, and how it ends. Times are in milliseconds."""

from local.databricks.errors import invalid
from local.databricks.model import Attempt, Json, Run
from local.databricks.requests import RepairRun

# A result, a termination code, and a message.
Outcome = tuple[str, str, str]

CANCELLED: Outcome = ("CANCELED", "USER_CANCELED", "Run cancelled.")
RUN_TIMED_OUT: Outcome = ("TIMEDOUT", "RUN_EXECUTION_ERROR", "The run exceeded the timeout of its job.")
_FAILED = ("FAILED", "TIMEDOUT", "CANCELED", "UPSTREAM_FAILED", "UPSTREAM_CANCELED")


def dependencies(task: Json) -> list[str]:
    """Return the keys of the tasks that must succeed first."""
    return [other["task_key"] for other in task.get("depends_on", [])]


def ready_tasks(run: Run) -> list[Json]:
    """Return the tasks that have no attempt yet and whose dependencies have all succeeded."""
    return [
        task
        for task in run.tasks
        if run.last_attempt(task["task_key"]) is None
        and all((last := run.last_attempt(key)) and last.state.result == "SUCCESS" for key in dependencies(task))
    ]


def upstream_failed(run: Run) -> list[tuple[str, str]]:
    """Return the keys of the tasks that can never run because a dependency failed, each with its result."""
    found = []
    for task in run.tasks:
        if run.last_attempt(task["task_key"]) is not None:
            continue
        results = [last.state.result for key in dependencies(task) if (last := run.last_attempt(key))]
        failed = [result for result in results if result in _FAILED]
        if failed:
            cancelled = all("CANCELED" in result for result in failed)
            found.append((task["task_key"], "UPSTREAM_CANCELED" if cancelled else "UPSTREAM_FAILED"))
    return found


def retry_due(task: Json, attempt: Attempt) -> int | None:
    """Return when a failed attempt is retried, None if it is not.

    `max_retries` -1 means no limit; a timeout is retried only if `retry_on_timeout` is set.
    """
    assert attempt.ended is not None
    if attempt.state.result == "TIMEDOUT" and not task.get("retry_on_timeout", False):
        return None
    if attempt.state.result not in ("FAILED", "TIMEDOUT"):
        return None
    if 0 <= task.get("max_retries", 0) <= attempt.number:
        return None
    return int(attempt.ended + task.get("min_retry_interval_millis", 0))


def timed_out(settings: Json, started: int | None, now: int) -> bool:
    """Return whether a task or run has exceeded the `timeout_seconds` of its settings."""
    limit = settings.get("timeout_seconds", 0)
    return bool(limit and started is not None and now - started > limit * 1000)


def result_of_attempt(attempt: Attempt) -> Outcome:
    """Return the outcome of a finished attempt: why it was stopped, else how its process ended."""
    if attempt.stop_reason == "CANCELED":
        return CANCELLED
    if attempt.stop_reason == "TIMEDOUT":
        return "TIMEDOUT", "RUN_EXECUTION_ERROR", "The task exceeded its timeout."
    exit_code = attempt.exit_code or 0
    if attempt.exit_code == 0:
        return "SUCCESS", "SUCCESS", ""
    if exit_code > 0:
        return "FAILED", "RUN_EXECUTION_ERROR", f"The process ended with exit code {exit_code}."
    return "FAILED", "DRIVER_ERROR", f"The process was killed by signal {-exit_code}."


def result_of(run: Run) -> Outcome | None:
    """Return the outcome of a run whose tasks have all finished, else None."""
    last = [run.last_attempt(task["task_key"]) for task in run.tasks]
    attempts = [attempt for attempt in last if attempt and not attempt.state.is_active]
    if len(attempts) < len(last):
        return None
    if run.cancelled:
        return CANCELLED
    failed = [attempt for attempt in attempts if attempt.state.result in ("FAILED", "TIMEDOUT", "CANCELED")]
    if not failed:
        return "SUCCESS", "SUCCESS", ""
    names = ", ".join(attempt.task_key for attempt in failed)
    return str(failed[0].state.result), str(failed[0].state.code), f"Task {names} failed: {failed[0].state.message}"


def tasks_to_repair(run: Run, request: RepairRun) -> list[str]:
    """Return the keys of the tasks to run again: those named, or those that failed themselves.

    Raises:
        ApiError: the request does not name the latest repair, or a task that the run lacks, or no task at all.
    """
    latest = run.repairs[-1]["id"] if run.repairs else None
    if request.latest_repair_id != latest:
        raise invalid(f"The latest repair of run {run.run_id} is {latest}, not {request.latest_repair_id}.")
    keys = {task["task_key"] for task in run.tasks}
    if request.rerun_all_failed_tasks:
        last = {key: attempt for key in keys if (attempt := run.last_attempt(key))}
        chosen = {key for key in last if last[key].state.result != "SUCCESS" and not never_started(last[key])}
    else:
        chosen = set(request.rerun_tasks)
        if chosen - keys:
            raise invalid(f"Run {run.run_id} has no task {', '.join(sorted(chosen - keys))}.")
    if not chosen:
        raise invalid(f"Run {run.run_id} has no task to run again.")
    return sorted(chosen)


def never_started(attempt: Attempt) -> bool:
    """Return whether an attempt was skipped because a dependency failed."""
    return (attempt.state.result or "").startswith("UPSTREAM_")
