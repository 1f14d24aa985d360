"""Validation of job settings when they are received, so that no run fails because of them."""

from typing import Any

from databricks.sdk.service import jobs

from local.databricks import transitions
from local.databricks.errors import invalid, malformed
from local.databricks.model import Json
from local.databricks.parameters import task_type
from local.databricks.schema import violations

# As the SDK documents them.
_MAX_CONCURRENT_RUNS = 1000
_MAX_NAME_BYTES = 4096
_MAX_TAGS = 25


def parse_settings(given: Json, kind: Any = jobs.JobSettings) -> Json:
    """Return job settings as the SDK's `JobSettings` has them.

    Notifications are kept and returned, but not sent.

    Args:
        kind: what the request is, by the SDK: `JobSettings`, or a method with the settings among its arguments.

    Raises:
        ApiError: a field is unknown, missing or wrong, Databricks documents that it refuses the settings, or they
            cannot be run here.
    """
    found = next(violations(given, kind), None)
    if found:
        raise malformed(f"Could not parse the job settings: {found}.")
    if "access_control_list" in given:
        raise invalid("The local Databricks has no permissions: omit access_control_list.")
    settings = jobs.JobSettings.from_dict(given).as_dict()
    settings.setdefault("name", given.get("run_name") or "Untitled")
    settings.setdefault("max_concurrent_runs", 1)
    if not settings.get("tasks"):
        raise invalid("A job must have at least one task.")
    _check_limits(settings)
    _check_tasks(settings["tasks"])
    _check_compute(settings)
    for name in ("schedule", "trigger"):
        if name in settings and settings[name].get("pause_status", "UNPAUSED") == "UNPAUSED":
            raise invalid(f"The local Databricks has no {name}: omit it, or set its pause_status to PAUSED.")
    if "continuous" in settings:
        _check_continuous(settings)
        settings["continuous"].setdefault("pause_status", "UNPAUSED")
    return settings


def _check_limits(settings: Json) -> None:
    if not 0 <= settings["max_concurrent_runs"] <= _MAX_CONCURRENT_RUNS:
        limit, runs = _MAX_CONCURRENT_RUNS, settings["max_concurrent_runs"]
        raise invalid(f"max_concurrent_runs must be from 0 to {limit}, it is {runs}.")
    if len(settings["name"].encode()) > _MAX_NAME_BYTES:
        raise invalid(f"The name of a job has at most {_MAX_NAME_BYTES} bytes.")
    if len(settings.get("tags", {})) > _MAX_TAGS:
        raise invalid(f"A job has at most {_MAX_TAGS} tags, not {len(settings['tags'])}.")
    for what, key, entries in (
        ("parameters", "name", settings.get("parameters", [])),
        ("job clusters", "job_cluster_key", settings.get("job_clusters", [])),
    ):
        names = [entry[key] for entry in entries]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise invalid(f"Two {what} are named {twice!r}.")


def _check_compute(settings: Json) -> None:
    """Raise ApiError if a task has more than one cluster, or one that is not defined.

    A task without any is accepted: it runs on this machine in any case.
    """
    shared = {cluster["job_cluster_key"] for cluster in settings.get("job_clusters", [])}
    for task in settings["tasks"]:
        given = [name for name in ("job_cluster_key", "new_cluster", "existing_cluster_id") if name in task]
        if len(given) > 1:
            raise invalid(f"Task {task['task_key']!r} has {' and '.join(given)}; it must have one of them.")
        if task.get("job_cluster_key", "") and task["job_cluster_key"] not in shared:
            raise invalid(f"Task {task['task_key']!r}: no job cluster is named {task['job_cluster_key']!r}.")


def _check_continuous(settings: Json) -> None:
    if settings["max_concurrent_runs"] > 1:
        raise invalid("A continuous job must have max_concurrent_runs 1.")
    for task in settings["tasks"]:
        if transitions.dependencies(task) or task.get("max_retries"):
            raise invalid(f"Task {task['task_key']!r}: a continuous job has no dependencies and no retry policy.")


def _check_tasks(tasks: list[Json]) -> None:
    """Raise ApiError if a task is of an unsupported kind or depends on one that does not precede it."""
    keys: list[str] = []
    for task in tasks:
        kind = task_type(task)
        if task[kind].get("parameters") and task[kind].get("named_parameters"):
            raise invalid(f"Task {task['task_key']!r}: {kind} has both parameters and named_parameters.")
        if task.get("run_if", "ALL_SUCCESS") != "ALL_SUCCESS":
            raise invalid(f"Task {task['task_key']!r}: the local Databricks supports no run_if but ALL_SUCCESS.")
        # Requiring dependencies to come first also rules out cycles.
        unknown = [key for key in transitions.dependencies(task) if key not in keys]
        if unknown:
            raise invalid(f"Task {task['task_key']!r} depends on {', '.join(unknown)}: no task before it has that key.")
        if task["task_key"] in keys:
            raise invalid(f"Two tasks have the key {task['task_key']!r}.")
        keys.append(task["task_key"])
