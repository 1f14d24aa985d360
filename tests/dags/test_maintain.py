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
from orchestration.prune import PruningError
from tests.dags.airflow_days import fill_day, grown_tables, simulate_days
from tests.dags.conftest import Airflow
from tests.harness.pipeline import ROOT

pytestmark = pytest.mark.processes


def test_old_runs_and_logs_are_deleted_and_the_lake_is_maintained(airflow: Airflow) -> None:
    home = airflow.home
    fill_day(database_url(home), datetime(2020, 1, 1), {"watch_freshness": 3})  # noqa: DTZ001 - as Airflow stores it
    old, new = home / "logs" / "old" / "attempt=1.log", home / "logs" / "new" / "attempt=1.log"
    for log in (old, new):
        log.parent.mkdir(parents=True)
        log.touch()
    os.utime(old, (time.time() - 30 * 86_400,) * 2)

    said = airflow.test_dag("maintain")

    with sqlite3.connect(home / "airflow.db") as database:
        [(runs,)] = database.execute("SELECT count(*) FROM dag_run WHERE start_date < '2020-01-02'")
    assert runs <= 1, said  # the newest run of a DAG is kept
    assert not old.parent.exists(), said
    assert new.exists()
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
