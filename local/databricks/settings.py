"""Settings of jobs: checked when they come in, so that a run cannot fail of them."""

from databricks.sdk.service import jobs

from local.databricks import progress
from local.databricks.errors import ApiError, invalid
from local.databricks.model import Json
from local.databricks.parameters import task_type


def parse_settings(given: Json) -> Json:
    """Return job settings in the form of the SDK's `JobSettings`; what that does not know is left out.

    Raises:
        ApiError: something that is no job settings, or cannot be run here.
    """
    try:
        settings = jobs.JobSettings.from_dict(given).as_dict()
    except (AttributeError, TypeError, ValueError) as error:
        # The SDK's classes take what they are given; a wrong type shows where they look into it.
        names = ", ".join(sorted(given))
        raise ApiError(400, "MALFORMED_REQUEST", f"Could not parse the job settings ({names}): {error}") from error
    settings.setdefault("name", "Untitled")
    settings.setdefault("max_concurrent_runs", 1)
    tasks = settings.get("tasks", [])
    if not tasks:
        raise invalid("A job must have at least one task.")
    check_tasks(tasks)
    if not isinstance(settings["max_concurrent_runs"], int) or not 0 <= settings["max_concurrent_runs"] <= 2000:
        raise invalid(f"max_concurrent_runs must be from 0 to 2000, it is {settings['max_concurrent_runs']}.")
    for name in ("schedule", "trigger"):
        if settings.get(name, {}).get("pause_status", "UNPAUSED") == "UNPAUSED" and name in settings:
            raise invalid(f"The local Databricks has no {name}: leave it away, or give it pause_status PAUSED.")
    if "continuous" in settings:
        if settings["max_concurrent_runs"] > 1:
            raise invalid("A continuous job must have max_concurrent_runs 1.")
        settings["continuous"].setdefault("pause_status", "UNPAUSED")
    return settings


def check_tasks(tasks: list[Json]) -> None:
    """Raise ApiError where tasks are of a kind, or hang together in a way, that cannot be run here."""
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
            raise invalid(f"Task {task['task_key']!r}: the local Databricks knows no run_if but ALL_SUCCESS.")
        # A task stands after those that it depends on, which also rules out circles.
        unknown = [key for key in progress.dependencies(task) if key not in keys]
        if unknown:
            raise invalid(f"Task {task['task_key']!r} depends on {', '.join(unknown)}: no task before it has that key.")
        if task["task_key"] in keys:
            raise invalid(f"Two tasks have the key {task['task_key']!r}.")
        keys.append(task["task_key"])
