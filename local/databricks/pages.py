"""Pages to look at: all jobs and runs, one job, one run with its log as it grows."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from local.databricks.engine import Engine
from local.databricks.errors import no_job
from local.databricks.model import Attempt, Json, Run
from local.databricks.parameters import command_line
from local.databricks.store import Store

_RUNS_SHOWN = 50
_LOG_BYTES = 1 << 18


def build_pages(store: Store, engine: Engine) -> APIRouter:
    """Return the routes; as on a laptop nobody else can see them, they ask for no token."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    templates.filters["time"] = _time
    routes = APIRouter(default_response_class=HTMLResponse)

    def page(name: str, **values: object) -> str:
        return templates.get_template(name).render(**values)

    @routes.get("/")
    def index() -> str:
        return page("index.html", jobs=store.jobs(), runs=[_row(run) for run in islice(store.runs(), _RUNS_SHOWN)])

    @routes.get("/jobs/{job_id}")
    def job(job_id: int) -> str:
        found = store.job(job_id)
        if found is None:
            raise no_job(job_id)
        runs = [_row(run) for run in islice(store.runs(job_id=job_id), _RUNS_SHOWN)]
        return page("job.html", job=found, runs=runs)

    @routes.get("/jobs/{job_id}/runs/{run_id}")
    def run(job_id: int, run_id: int) -> str:
        found = engine.find(run_id)
        return page(
            "run.html",
            run=_row(found),
            job=store.job(job_id),
            parameters=found.job_parameters,
            attempts=[_attempt_row(found, attempt, engine.log_file) for attempt in found.attempts],
        )

    @routes.get("/logs/{attempt_id}")
    def log(attempt_id: int, request: Request) -> Response:
        """Return what a log has from a byte on (`?from=`), at most 256 kB, and whether more may come."""
        found = engine.find(attempt_id)
        attempt = next(attempt for attempt in found.attempts if attempt.run_id == attempt_id)
        start = max(0, int(request.query_params.get("from", 0)))
        data, path = b"", engine.log_file(attempt)
        if path.exists():
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(_LOG_BYTES)
        more = attempt.state.is_live or len(data) == _LOG_BYTES
        headers = {"X-Next": str(start + len(data)), "X-More": str(more).lower()}
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    return routes


def _row(run: Run) -> Json:
    return {
        "run_id": run.run_id,
        "job_id": run.job_id,
        "name": run.name,
        "trigger": run.trigger,
        "state": run.state.result or run.state.life_cycle,
        "live": run.state.is_live,
        "message": run.state.message,
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "seconds": f"{(run.ended - (run.started or run.created)) / 1000:.1f}" if run.ended else "",
        "parameters": ", ".join(f"{name}={value}" for name, value in run.job_parameters.items()),
    }


def _attempt_row(run: Run, attempt: Attempt, log_file: Callable[[Attempt], Path]) -> Json:
    task = next(task for task in run.tasks if task["task_key"] == attempt.task_key)
    program = task.get("python_wheel_task", {}).get("entry_point") or task["spark_python_task"]["python_file"]
    return {
        "run_id": attempt.run_id,
        "task_key": attempt.task_key,
        "number": attempt.number + 1,
        "state": attempt.state.result or attempt.state.life_cycle,
        "live": attempt.state.is_live,
        "message": attempt.state.message,
        "started": attempt.started,
        "ended": attempt.ended,
        "command": " ".join([program, *command_line(run, task, attempt)]),
        "log": log_file(attempt),
    }


def _time(millis: int | None) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if millis else ""
