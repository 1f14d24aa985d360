"""The latest runs: of the DAGs from Airflow's database, of the jobs from Databricks."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.utils.session import create_session
from sqlalchemy import select

from detection_page.facts import DagFacts, DagRunFacts, JobFacts, JobRunFacts
from orchestration.settings import Settings

TAG = "transaction-patterns"
_RUNS = 5


def read_dags() -> tuple[DagFacts, ...]:
    """Return the DAGs that have our tag, by name, each with its latest runs."""
    with create_session() as session:
        found = session.execute(
            select(DagModel.dag_id, DagModel.is_paused)
            .join(DagTag, DagTag.dag_id == DagModel.dag_id)
            .where(DagTag.name == TAG, DagModel.is_stale.is_(False))
            .order_by(DagModel.dag_id)
        ).all()
        return tuple(DagFacts(dag_id, paused, _dag_runs(session, dag_id)) for dag_id, paused in found)


def _dag_runs(session: Any, dag_id: str) -> tuple[DagRunFacts, ...]:
    latest = (
        select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.run_after.desc())
        .limit(_RUNS)
    )
    rows = session.execute(latest).all()
    tasks = _last_tasks(session, dag_id, [run_id for run_id, *_ in rows])
    return tuple(
        DagRunFacts(run_id, str(state), start, end, tasks.get(run_id, "")) for run_id, state, start, end in rows
    )


def _last_tasks(session: Any, dag_id: str, run_ids: list[str]) -> dict[str, str]:
    """Return for each run the task that was started last: its log says what became of the run."""
    started = (
        select(TaskInstance.run_id, TaskInstance.task_id)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(run_ids), TaskInstance.start_date.is_not(None))
        .order_by(TaskInstance.start_date)
    )
    return dict(session.execute(started).tuples().all())


class JobReader:
    """The jobs' latest runs, by Airflow's own hook; it raises the hook's errors where Databricks fails."""

    def __init__(self, settings: Settings) -> None:
        self._hook = DatabricksHook(settings.databricks_connection, timeout_seconds=10, retry_limit=1)
        self._names = (settings.chunker_job, settings.detector_job, settings.maintenance_job)
        self._ids: dict[str, int] = {}

    def read(self) -> tuple[JobFacts, ...]:
        """Return our jobs, each with its latest runs."""
        return tuple(self._job(name) for name in self._names)

    def _job(self, name: str) -> JobFacts:
        job_id = self._ids.get(name) or self._hook.find_job_id_by_name(name)
        if job_id is None:
            return JobFacts(name, error=f"there is no job {name!r} in the workspace")
        self._ids[name] = job_id
        # The hook has no method for this one.
        answer = self._hook._do_api_call(("GET", "2.1/jobs/runs/list"), {"job_id": job_id, "limit": _RUNS})
        return JobFacts(name, tuple(_run(run) for run in answer.get("runs", [])))


def _run(run: dict[str, Any]) -> JobRunFacts:
    state = run["state"]
    url = run.get("run_page_url", "")
    return JobRunFacts(
        run["run_id"],
        (state.get("result_state") or state["life_cycle_state"]).lower(),
        datetime.fromtimestamp(run["start_time"] / 1000, UTC),
        # What is no web address is no link.
        url if urlsplit(url).scheme in ("http", "https") else "",
    )
