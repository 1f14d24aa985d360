"""What comes next for a run: pure decisions over its tasks and attempts, times in milliseconds."""

from local.databricks.model import Attempt, Json, Run

# A result, a termination code, and a message.
Outcome = tuple[str, str, str]

CANCELLED: Outcome = ("CANCELED", "USER_CANCELED", "Run cancelled.")
RUN_TIMED_OUT: Outcome = ("TIMEDOUT", "RUN_EXECUTION_ERROR", "The run took longer than its job may.")
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


def tasks_in_vain(run: Run) -> list[tuple[Json, str]]:
    """Return the tasks that can never run, each with its result: a dependency has failed for good."""
    found = []
    for task in run.tasks:
        if run.last_attempt(task["task_key"]) is not None:
            continue
        results = [last.state.result for key in dependencies(task) if (last := run.last_attempt(key))]
        failed = [result for result in results if result in _FAILED]
        if failed:
            cancelled = all("CANCELED" in result for result in failed)
            found.append((task, "UPSTREAM_CANCELED" if cancelled else "UPSTREAM_FAILED"))
    return found


def retry_due(task: Json, attempt: Attempt) -> int | None:
    """Return from when on a failed attempt is tried again, None where it is not.

    `max_retries` -1 is without end; a timeout counts as a failure only where `retry_on_timeout` says so.
    """
    assert attempt.ended is not None
    if attempt.state.result == "TIMEDOUT" and not task.get("retry_on_timeout", False):
        return None
    if attempt.state.result not in ("FAILED", "TIMEDOUT"):
        return None
    most = task.get("max_retries", 0)
    if 0 <= most <= attempt.number:
        return None
    return int(attempt.ended + task.get("min_retry_interval_millis", 0))


def timed_out(task: Json, attempt: Attempt, now: int) -> bool:
    """Return whether an attempt has run longer than its task may."""
    limit = task.get("timeout_seconds", 0)
    return bool(limit and attempt.started is not None and now - attempt.started > limit * 1000)


def run_timed_out(run: Run, now: int) -> bool:
    """Return whether a run has taken longer than its job may."""
    limit = run.settings.get("timeout_seconds", 0)
    return bool(limit and run.started is not None and now - run.started > limit * 1000)


def runs_too_long(run: Run, now: int) -> bool:
    """Return whether a health rule finds the run's duration too long."""
    rules = run.settings.get("health", {}).get("rules", [])
    limits = [rule["value"] for rule in rules if rule["metric"] == "RUN_DURATION_SECONDS"]
    return any(run.started is not None and now - run.started > limit * 1000 for limit in limits)


def result_of_attempt(attempt: Attempt) -> Outcome:
    """Return the outcome of an attempt that is over: why it was stopped, else how its process ended."""
    if attempt.stop_reason == "CANCELED":
        return CANCELLED
    if attempt.stop_reason == "TIMEDOUT":
        return "TIMEDOUT", "RUN_EXECUTION_ERROR", "It took longer than it may."
    exit_code = attempt.exit_code or 0
    if attempt.exit_code == 0:
        return "SUCCESS", "SUCCESS", ""
    if exit_code > 0:
        return "FAILED", "RUN_EXECUTION_ERROR", f"Its process ended with exit code {exit_code}."
    return "FAILED", "DRIVER_ERROR", f"Its process was ended by signal {-exit_code}."


def result_of(run: Run) -> Outcome | None:
    """Return the outcome of a run whose tasks are all over, else None."""
    last = [run.last_attempt(task["task_key"]) for task in run.tasks]
    if any(attempt is None or attempt.state.is_live for attempt in last):
        return None
    attempts = [attempt for attempt in last if attempt]
    if run.cancelled:
        return CANCELLED
    failed = [attempt for attempt in attempts if attempt.state.result in ("FAILED", "TIMEDOUT", "CANCELED")]
    if not failed:
        return "SUCCESS", "SUCCESS", ""
    result = str(failed[0].state.result)
    names = ", ".join(attempt.task_key for attempt in failed)
    return result, str(failed[0].state.code), f"Task {names} failed: {failed[0].state.message}"


def restart_delay(failures: int) -> int:
    """Return how many milliseconds a continuous job waits after so many failed runs in a row: 0, 1 s, 2 s … 60 s."""
    return 0 if failures == 0 else min(1000 * 2 ** min(failures - 1, 6), 60_000)
