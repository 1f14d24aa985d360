"""HTML pages: the start page with all jobs and the latest runs, and the page of a run with its logs."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from local.databricks.engine import Engine
from local.databricks.store import Store

_RUNS_SHOWN = 50
_LOG_BYTES = 1 << 18


def build_pages(store: Store, engine: Engine) -> APIRouter:
    """Return the routes; they need no token, as the server is reachable from this machine only."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    templates.filters["time"] = _time
    routes = APIRouter(default_response_class=HTMLResponse)

    @routes.get("/")
    def start_page() -> str:
        runs = list(islice(store.runs(), _RUNS_SHOWN))
        return templates.get_template("start.html").render(jobs=store.jobs(), runs=runs, refresh=False)

    @routes.get("/jobs/{job_id}/runs/{run_id}")
    def run_page(job_id: int, run_id: int) -> str:  # noqa: ARG001 - ids of runs are unique
        run = engine.find(run_id)
        logs = {attempt.run_id: _tail(engine.log_file(attempt)) for attempt in run.attempts}
        return templates.get_template("run.html").render(run=run, logs=logs, refresh=run.state.is_active)

    return routes


def _tail(path: Path) -> str:
    """Return the last 256 kB of a file, "" if it does not exist."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace")


def _time(millis: int | None) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if millis else ""
