"""Validation of job settings when they are received, so that no run fails because of them."""

from databricks.sdk.service import jobs

from local.databricks import transitions
from local.databricks.errors import invalid, malformed
from local.databricks.model import Json
from local.databricks.parameters import task_type


def parse_settings(given: Json) -> Json:
    """Return job settings as the SDK's `JobSettings` has them; unknown fields are dropped.

    Notifications are kept and returned, but not sent.

    Raises:
        ApiError: the settings cannot be parsed, or cannot be run here.
    """
    try:
        settings = jobs.JobSettings.from_dict(given).as_dict()
    except (AttributeError, TypeError, ValueError) as error:
        # The SDK's classes do not check types; a wrong one fails when they access it.
        raise malformed(f"Could not parse the job settings ({', '.join(sorted(given))}): {error}") from error
    settings.setdefault("name", "Untitled")
    settings.setdefault("max_concurrent_runs", 1)
    if not settings.get("tasks"):
        raise invalid("A job must have at least one task.")
    _check_tasks(settings["tasks"])
    if not isinstance(settings["max_concurrent_runs"], int) or not 0 <= settings["max_concurrent_runs"] <= 2000:
        raise invalid(f"max_concurrent_runs must be from 0 to 2000, it is {settings['max_concurrent_runs']}.")
    for name in ("schedule", "trigger"):
        if name in settings and settings[name].get("pause_status", "UNPAUSED") == "UNPAUSED":
            raise invalid(f"The local Databricks has no {name}: omit it, or set its pause_status to PAUSED.")
    if "continuous" in settings:
        if settings["max_concurrent_runs"] > 1:
            raise invalid("A continuous job must have max_concurrent_runs 1.")
        settings["continuous"].setdefault("pause_status", "UNPAUSED")
    return settings


def _check_tasks(tasks: list[Json]) -> None:
    """Raise ApiError if a task is of an unsupported kind or depends on one that does not precede it."""
    keys: list[str] = []
    for task in tasks:
        if not task.get("task_key"):
            raise invalid("A task must have a task_key.")
        kind = task_type(task)
        if kind == "python_wheel_task" and not task[kind].get("entry_point"):
            raise invalid(f"Task {task['task_key']!r}: python_wheel_task needs an entry_point.")
        if kind == "spark_python_task" and not task[kind].get("python_file"):
            raise invalid(f"Task {task['task_key']!r}: spark_python_task needs a python_file.")
        if task.get("run_if", "ALL_SUCCESS") != "ALL_SUCCESS":
            raise invalid(f"Task {task['task_key']!r}: the local Databricks supports no run_if but ALL_SUCCESS.")
        # Requiring dependencies to come first also rules out cycles.
        unknown = [key for key in transitions.dependencies(task) if key not in keys]
        if unknown:
            raise invalid(f"Task {task['task_key']!r} depends on {', '.join(unknown)}: no task before it has that key.")
        if task["task_key"] in keys:
            raise invalid(f"Two tasks have the key {task['task_key']!r}.")
        keys.append(task["task_key"])
