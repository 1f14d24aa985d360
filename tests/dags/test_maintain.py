"""The DAG as Airflow runs it, against a local S3 and a local Databricks."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def test_old_runs_and_logs_are_deleted_and_the_lake_is_maintained(airflow: Airflow) -> None:
    home = Path(airflow.environment["AIRFLOW_HOME"])
    for _ in range(2):
        airflow.test_dag("watch_freshness")
    with sqlite3.connect(home / "airflow.db") as database:
        [(runs,)] = database.execute("SELECT count(*) FROM dag_run WHERE dag_id = 'watch_freshness'")
        database.execute("UPDATE dag_run SET start_date = '2020-01-01', run_after = '2020-01-01'")
    assert runs >= 2
    old, new = home / "logs" / "old" / "attempt=1.log", home / "logs" / "new" / "attempt=1.log"
    for log in (old, new):
        log.parent.mkdir(parents=True)
        log.touch()
    os.utime(old, (time.time() - 30 * 86_400,) * 2)

    said = airflow.test_dag("maintain")

    with sqlite3.connect(home / "airflow.db") as database:
        [(runs,)] = database.execute("SELECT count(*) FROM dag_run WHERE dag_id = 'watch_freshness'")
    assert runs <= 1, said  # the newest run of a DAG stays
    assert not old.parent.exists(), said
    assert new.exists()
    [run] = airflow.runs(f"{airflow.name}-maintain_state")
    assert run.state
    assert run.state.result_state
    assert run.state.result_state.value == "SUCCESS"


def test_without_a_metadata_connection_the_database_is_left_to_others(airflow: Airflow) -> None:
    settings = airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"]
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = settings.replace('"airflow_metadata"', '""')
    assert "run `airflow db clean` where Airflow runs" in airflow.test_dag("maintain")
