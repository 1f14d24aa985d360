"""Command lines and environments of tasks, with references to job parameters and run values filled in."""

import re
from datetime import UTC, datetime

from local.databricks.errors import invalid
from local.databricks.model import Attempt, Json, Run

_REFERENCE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
TASK_TYPES = ("python_wheel_task", "spark_python_task")


def task_type(task: Json) -> str:
    """Return which of `TASK_TYPES` a task is.

    Raises:
        ApiError: it is none of them.
    """
    found = [name for name in TASK_TYPES if name in task]
    if len(found) != 1:
        given = ", ".join(sorted(name for name in task if name.endswith("_task"))) or "nothing"
        raise invalid(
            f"Task {task.get('task_key')!r} must have exactly one of {' and '.join(TASK_TYPES)}, it has {given}."
            " The local Databricks runs no other kind."
        )
    return found[0]


def job_parameters(settings: Json, given: dict[str, str]) -> dict[str, str]:
    """Return the values of a job's parameters.

    Raises:
        ApiError: the job lacks one of the given parameters.
    """
    values = {parameter["name"]: parameter["default"] for parameter in settings.get("parameters", [])}
    unknown = sorted(set(given) - set(values))
    if unknown:
        known = ", ".join(values) or "none"
        raise invalid(f"Job parameters {', '.join(unknown)} are not defined in the job; it has: {known}.")
    return values | given


def command_line(run: Run, task: Json, attempt: Attempt) -> list[str]:
    """Return the arguments of a task's process, without the program."""
    kind = task_type(task)
    named = task[kind].get("named_parameters", {})
    if kind == "python_wheel_task" and (named or "python_named_params" in run.overriding):
        # Job parameters are passed to tasks with named parameters.
        named = {**named, **run.job_parameters, **run.overriding.get("python_named_params", {})}
        return [f"--{name}={_filled_in(value, run, task, attempt)}" for name, value in named.items()]
    parameters = run.overriding.get("python_params", task[kind].get("parameters", []))
    return [_filled_in(value, run, task, attempt) for value in parameters]


def environment_of(run: Run, task: Json) -> dict[str, str]:
    """Return the environment variables that the task's cluster sets."""
    cluster = task.get("new_cluster")
    for shared in run.settings.get("job_clusters", []):
        if shared["job_cluster_key"] == task.get("job_cluster_key"):
            cluster = shared["new_cluster"]
    return dict((cluster or {}).get("spark_env_vars", {}))


def _filled_in(text: str, run: Run, task: Json, attempt: Attempt) -> str:
    started = datetime.fromtimestamp((run.started or run.created) / 1000, UTC)
    values = {
        "job.id": str(run.job_id),
        "job.name": run.name,
        "job.run_id": str(run.run_id),
        "job.start_time.iso_datetime": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "job.start_time.iso_date": started.date().isoformat(),
        "job.trigger.type": run.trigger.lower(),
        "task.name": task["task_key"],
        "task.run_id": str(attempt.run_id),
        "task.execution_count": str(attempt.number + 1),
        **{f"job.parameters.{name}": value for name, value in run.job_parameters.items()},
    }
    # Unknown references are left as they are, as on Databricks.
    return _REFERENCE.sub(lambda found: values.get(found.group(1), found.group(0)), text)
