"""Jobs and runs as the API returns them, built with the SDK's data classes so that they are valid."""

import html
import json
from collections.abc import Callable
from pathlib import Path

from databricks.sdk.service import jobs

from local.databricks.model import Attempt, Job, Json, Run, State

_LOG_BYTES = 5 << 20

_STATUS = {"WAITING_FOR_RETRY": "WAITING", "SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED"}


def job_view(job: Job) -> Json:
    """Return a job for `jobs/get`."""
    run_as = job.settings.get("run_as", {})
    view = jobs.Job(
        job_id=job.job_id,
        created_time=job.created,
        creator_user_name=job.creator,
        run_as_user_name=next(iter(run_as.values()), job.creator),
        settings=jobs.JobSettings.from_dict(job.settings),
    )
    return view.as_dict()


def listed_job(job: Job, *, expand_tasks: bool) -> Json:
    """Return a job for `jobs/list`, which omits the tasks by default."""
    view = job_view(job)
    if not expand_tasks:
        for name in ("tasks", "job_clusters"):
            view["settings"].pop(name, None)
    return view


def run_view(run: Run, base_url: str, *, history: bool = False, attempt: Attempt | None = None) -> Json:
    """Return a run for `runs/get`.

    Args:
        base_url: of this server, for `run_page_url`.
        history: include the repairs.
        attempt: return this attempt as a run of its own.
    """
    shown: Run | Attempt = attempt or run
    attempts = [attempt] if attempt else [run.last_attempt(task["task_key"]) for task in run.tasks]
    defaults = {parameter["name"]: parameter["default"] for parameter in run.settings.get("parameters", [])}
    view = jobs.Run(
        run_id=shown.run_id,
        job_run_id=run.run_id,
        job_id=run.job_id,
        number_in_job=run.number_in_job,
        original_attempt_run_id=shown.run_id,
        attempt_number=attempt.number if attempt else None,
        creator_user_name=run.creator,
        run_name=attempt.task_key if attempt else run.name,
        run_type=jobs.RunType(run.run_type),
        run_page_url=page_url(run, base_url),
        trigger=jobs.TriggerType(run.trigger),
        state=_run_state(shown.state),
        status=_run_status(shown.state),
        start_time=shown.created,
        end_time=shown.ended or 0,
        setup_duration=max(0, (shown.started or shown.created) - shown.created),
        execution_duration=max(0, shown.ended - (shown.started or shown.ended)) if shown.ended else 0,
        cleanup_duration=0,
        run_duration=shown.ended - shown.created if shown.ended else None,
        job_parameters=[
            jobs.JobParameter(name=name, value=value, default=defaults.get(name))
            for name, value in run.job_parameters.items()
        ],
        overriding_parameters=jobs.RunParameters.from_dict(run.overriding) if run.overriding else None,
        job_clusters=jobs.Run.from_dict({"job_clusters": run.settings.get("job_clusters", [])}).job_clusters,
        tasks=[_task_view(run, one, base_url) for one in attempts if one],
        repair_history=_repairs(run) if history else None,
    )
    return view.as_dict()


def listed_run(run: Run, base_url: str, *, expand_tasks: bool) -> Json:
    """Return a run for `runs/list`, which omits the tasks by default."""
    view = run_view(run, base_url)
    if not expand_tasks:
        for name in ("tasks", "job_clusters"):
            view.pop(name, None)
    return view


def output_view(run: Run, attempt: Attempt, base_url: str, log: Path, failure: Path) -> Json:
    """Return an attempt's output and error for `runs/get-output`, with at most the first 5 MB of its log."""
    text = b""
    if log.exists():
        with log.open("rb") as file:
            text = file.read(_LOG_BYTES + 1)
    failed = json.loads(failure.read_text()) if failure.exists() else {}
    error = failed.get("error") or (attempt.state.message if attempt.state.result not in (None, "SUCCESS") else None)
    view = jobs.RunOutput(
        metadata=jobs.Run.from_dict(run_view(run, base_url, attempt=attempt)),
        logs=text[:_LOG_BYTES].decode(errors="replace"),
        logs_truncated=len(text) > _LOG_BYTES,
        error=error or None,
        error_trace=failed.get("error_trace"),
    )
    return view.as_dict()


def export_view(run: Run, log_file: Callable[[Attempt], Path]) -> Json:
    """Return the logs of a run's attempts as HTML pages for `runs/export`."""
    views = []
    for attempt in run.attempts:
        log = log_file(attempt)
        text = log.read_text(errors="replace") if log.exists() else ""
        content = f"<!doctype html><title>{html.escape(attempt.task_key)}</title><pre>{html.escape(text)}</pre>"
        views.append(jobs.ViewItem(name=attempt.task_key, content=content, type=jobs.ViewType.NOTEBOOK))
    return jobs.ExportRunOutput(views=views).as_dict()


def page_url(run: Run, base_url: str) -> str:
    """Return the URL of a run's page."""
    return f"{base_url}/jobs/{run.job_id}/runs/{run.run_id}"


def _task_view(run: Run, attempt: Attempt, base_url: str) -> jobs.RunTask:
    view = jobs.RunTask.from_dict(run.task(attempt.task_key))
    view.run_id = attempt.run_id
    view.attempt_number = attempt.number
    view.state = _run_state(attempt.state)
    view.status = _run_status(attempt.state)
    view.start_time = attempt.started or attempt.created
    view.end_time = attempt.ended or 0
    view.execution_duration = attempt.ended - attempt.started if attempt.ended and attempt.started else 0
    view.setup_duration = view.cleanup_duration = 0
    view.run_page_url = page_url(run, base_url)
    return view


def _run_state(state: State) -> jobs.RunState:
    return jobs.RunState(
        life_cycle_state=jobs.RunLifeCycleState(state.life_cycle),
        result_state=jobs.RunResultState(state.result) if state.result else None,
        state_message=state.message,
        user_cancelled_or_timedout=state.result in ("CANCELED", "TIMEDOUT"),
        queue_reason=state.message if state.life_cycle == "QUEUED" else None,
    )


def _run_status(state: State) -> jobs.RunStatus:
    status = jobs.RunStatus(state=jobs.RunLifecycleStateV2State(_STATUS.get(state.life_cycle, state.life_cycle)))
    if state.code:
        status.termination_details = jobs.TerminationDetails(
            code=jobs.TerminationCodeCode(_TERMINATION_CODES.get(state.code, state.code)),
            type=jobs.TerminationTypeType(_termination_type(state)),
            message=state.message,
        )
    if state.life_cycle == "QUEUED":
        code = jobs.QueueDetailsCodeCode.MAX_CONCURRENT_RUNS_REACHED
        status.queue_details = jobs.QueueDetails(code=code, message=state.message)
    return status


# Results of tasks that have no termination code of their own.
_TERMINATION_CODES = {"UPSTREAM_FAILED": "RUN_EXECUTION_ERROR", "UPSTREAM_CANCELED": "USER_CANCELED"}


def _termination_type(state: State) -> str:
    if state.code in ("SUCCESS", "USER_CANCELED"):
        return "SUCCESS"
    return "INTERNAL_ERROR" if state.code == "DRIVER_ERROR" else "CLIENT_ERROR"


def _repairs(run: Run) -> list[jobs.RepairHistoryItem]:
    original = jobs.RepairHistoryItem(
        type=jobs.RepairHistoryItemType.ORIGINAL, start_time=run.created, state=_run_state(run.state)
    )
    repairs = [
        jobs.RepairHistoryItem(
            type=jobs.RepairHistoryItemType.REPAIR,
            id=repair["id"],
            start_time=repair["start_time"],
            end_time=repair.get("end_time"),
            state=_run_state(run.state),
            task_run_ids=repair["task_run_ids"],
        )
        for repair in run.repairs
    ]
    return [original, *repairs]
