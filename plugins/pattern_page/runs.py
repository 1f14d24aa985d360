"""The latest runs of the DAGs, from Airflow's database, and of the jobs, from Databricks."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.utils.session import create_session
from sqlalchemy import select

from orchestration.dag_ids import DAG_IDS, MAINTENANCE_DAG, SUPERVISOR_DAG
from orchestration.settings import Settings
from pattern_page.snapshots import DagRunSnapshot, DagSnapshot, JobRunSnapshot, JobSnapshot

_RUNS = 5


def read_dags() -> tuple[DagSnapshot, ...]:
    """Return the product's DAGs, by name, each with its latest runs."""
    with create_session() as session:
        found = session.execute(
            select(DagModel.dag_id, DagModel.is_paused)
            .where(DagModel.dag_id.in_(DAG_IDS), DagModel.is_stale.is_(False))
            .order_by(DagModel.dag_id)
        ).all()
        return tuple(DagSnapshot(dag_id, paused, _dag_runs(session, dag_id)) for dag_id, paused in found)


def _dag_runs(session: Any, dag_id: str) -> tuple[DagRunSnapshot, ...]:
    latest = (
        select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.run_after.desc())
        .limit(_RUNS)
    )
    rows = session.execute(latest).all()
    tasks = _last_tasks(session, dag_id, [run_id for run_id, *_ in rows])
    return tuple(
        DagRunSnapshot(run_id, str(state), start, end, tasks.get(run_id, "")) for run_id, state, start, end in rows
    )


def _last_tasks(session: Any, dag_id: str, run_ids: list[str]) -> dict[str, str]:
    """Return the task of each run that was started last; its log explains the outcome of the run."""
    started = (
        select(TaskInstance.run_id, TaskInstance.task_id)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(run_ids), TaskInstance.start_date.is_not(None))
        .order_by(TaskInstance.start_date)
    )
    return dict(session.execute(started).tuples().all())


class JobReader:
    """Reads the jobs' latest runs through Airflow's hook, whose errors it raises if Databricks fails."""

    def __init__(self, settings: Settings, chunker_dag: str) -> None:
        self._hook = DatabricksHook(settings.databricks_connection, timeout_seconds=10, retry_limit=1)
        # The DAG that runs or supervises each job.
        self._names = {
            settings.chunker_job: chunker_dag,
            settings.detector_job: SUPERVISOR_DAG,
            settings.maintenance_job: MAINTENANCE_DAG,
        }
        self._ids: dict[str, int] = {}

    def read(self) -> tuple[JobSnapshot, ...]:
        """Return the jobs, each with its latest runs."""
        return tuple(self._job(name, dag_id) for name, dag_id in self._names.items())

    def _job(self, name: str, dag_id: str) -> JobSnapshot:
        job_id = self._ids.get(name) or self._hook.find_job_id_by_name(name)
        if job_id is None:
            return JobSnapshot(name, dag_id, error=f"the workspace has no job {name!r}; deploy it")
        self._ids[name] = job_id
        # The hook has no method for this endpoint.
        answer = self._hook._do_api_call(("GET", "2.1/jobs/runs/list"), {"job_id": job_id, "limit": _RUNS})
        return JobSnapshot(name, dag_id, tuple(_run(run) for run in answer.get("runs", [])))


def _run(run: dict[str, Any]) -> JobRunSnapshot:
    state = run["state"]
    url = run.get("run_page_url", "")
    return JobRunSnapshot(
        run["run_id"],
        (state.get("result_state") or state["life_cycle_state"]).lower(),
        datetime.fromtimestamp(run["start_time"] / 1000, UTC),
        # Never link to anything but a web page, such as `javascript:`.
        url if urlsplit(url).scheme in ("http", "https") else "",
    )
