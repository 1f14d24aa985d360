"""`maintain` run by Airflow, with a local S3 and a local Databricks, and its pruning over several days."""

import os
import shutil
import sqlite3
import time
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from local.airflow import database_url
from orchestration.prune import DEADLINE_CALLBACK, PruningError
from tests.harness.pipeline import ROOT
from tests.integration.dags.airflow_days import FOREIGN_CALLBACK, FOREIGN_DAG, fill_day, grown_tables, simulate_days
from tests.integration.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def rows_by_dag(home: Path, dag_id: str, callback: str) -> dict[str, int]:
    """Return how many rows of 2020 a DAG has in each table."""
    run = "dag_run JOIN {table} USING (dag_id, run_id)"
    sources = {
        **dict.fromkeys(("task_instance", "task_instance_history", "xcom", "rendered_task_instance_fields"), run),
        "dag_run": "dag_run",
        "deadline": "dag_run JOIN deadline ON dag_run.id = dagrun_id",
    }
    with sqlite3.connect(home / "airflow.db") as database:
        rows = {
            name: database.execute(
                f"SELECT count(*) FROM {source.format(table=name)} "
                "WHERE dag_run.dag_id = ? AND dag_run.start_date < '2020-01-02'",
                [dag_id],
            ).fetchone()[0]
            for name, source in sources.items()
        }
        for name, condition in {"log": "dag_id = ? AND dttm", "callback": "data LIKE ? AND created_at"}.items():
            query = f"SELECT count(*) FROM {name} WHERE {condition} < '2020-01-02'"
            rows[name] = database.execute(query, [dag_id if name == "log" else f"%{callback}%"]).fetchone()[0]
        return rows


def test_old_runs_and_logs_are_deleted_and_those_of_other_dags_stay(airflow: Airflow) -> None:
    home = airflow.home
    day = datetime(2020, 1, 1)  # noqa: DTZ001 - as Airflow stores it
    fill_day(database_url(home), day, {"watch_freshness": 3, FOREIGN_DAG: 3})
    foreign = rows_by_dag(home, FOREIGN_DAG, FOREIGN_CALLBACK)
    assert all(foreign.values()), foreign
    logs = home / "logs"
    old, new = logs / "dag_id=maintain" / "old" / "attempt=1.log", logs / "dag_id=maintain" / "new" / "attempt=1.log"
    other, component = logs / f"dag_id={FOREIGN_DAG}" / "attempt=1.log", logs / "scheduler" / "scheduler.log"
    for log in (old, new, other, component):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        if log is not new:
            os.utime(log, (time.time() - 30 * 86_400,) * 2)

    said = airflow.test_dag("maintain")

    left = rows_by_dag(home, "watch_freshness", DEADLINE_CALLBACK)
    assert left == {**dict.fromkeys(foreign, 0), "dag_run": 1}, f"only the newest run is kept: {said}"
    assert rows_by_dag(home, FOREIGN_DAG, FOREIGN_CALLBACK) == foreign, said
    assert not old.parent.exists(), said
    assert new.exists()
    assert other.exists(), "a log of another DAG"
    assert component.exists(), "a log of Airflow itself"
    [run] = airflow.runs(f"{airflow.name}-maintain_state")
    assert run.state
    assert run.state.result_state
    assert run.state.result_state.value == "SUCCESS"


def test_settings_that_are_not_json_start_no_job_and_reach_people(airflow: Airflow) -> None:
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = "null"
    said = airflow.test_dag("maintain")
    for task in ("maintain_state", "prune_database", "prune_logs"):
        assert f"alert: FAILED maintain.{task}: run " in said
    assert "Airflow variable transaction_patterns: must be a JSON object" in said
    assert airflow.runs(f"{airflow.name}-maintain_state") == []


def test_without_a_metadata_connection_the_database_is_not_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_TRANSACTION_PATTERNS", "{}")
    monkeypatch.syspath_prepend(ROOT / "dags")
    prune = import_module("maintain").dag.get_task("prune_database").python_callable
    with pytest.raises(AirflowSkipException, match="run `airflow db clean` where Airflow runs"):
        prune()


def test_a_metadata_connection_without_a_url_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_TRANSACTION_PATTERNS", '{"metadata_connection": "metadata"}')
    monkeypatch.setenv("AIRFLOW_CONN_METADATA", '{"conn_type": "generic"}')
    monkeypatch.syspath_prepend(ROOT / "dags")
    prune = import_module("maintain").dag.get_task("prune_database").python_callable
    with pytest.raises(PruningError, match="connection metadata has no password; it must be the URL"):
        prune()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"REMOTE_LOGGING": "True", "REMOTE_BASE_LOG_FOLDER": "s3://logs/"}, "logs are kept in s3://logs/; let"),
        ({"LOG_FILENAME_TEMPLATE": "{{ ti.dag_id }}.log"}, "cannot be told from others; delete them where"),
    ],
    ids=["remote", "template"],
)
def test_logs_that_are_not_files_of_these_dags_are_said_to_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_TRANSACTION_PATTERNS", "{}")
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    for name, value in values.items():
        monkeypatch.setenv(f"AIRFLOW__LOGGING__{name}", value)
    monkeypatch.syspath_prepend(ROOT / "dags")
    prune = import_module("maintain").dag.get_task("prune_logs").python_callable
    with pytest.raises(AirflowSkipException, match=said):
        prune()


@pytest.mark.slow
def test_pruned_daily_no_table_of_airflow_grows(airflow_home: Path, tmp_path: Path) -> None:
    shutil.copy(airflow_home / "airflow.db", tmp_path)
    runs = {"chunk_transactions": 120, "supervise_detector": 10, "watch_freshness": 10, "maintain": 1}

    days = list(simulate_days(database_url(tmp_path), 3, runs))

    assert grown_tables(days) == []
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        # Runs of other tests have other dates.
        [(kept,)] = database.execute(
            "SELECT count(*) FROM dag_run WHERE logical_date >= '2026-01-01' AND logical_date < '2026-01-04'"
        )
    assert sum(runs.values()) <= kept <= sum(runs.values()) + len(runs), "one day is kept"
