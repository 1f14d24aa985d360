"""Every run has a deadline, scheduled or triggered by hand, except where it waits for people."""

import sqlite3

import pytest

from orchestration.dag_ids import RULES_DAG
from tests.integration.dags.conftest import Airflow
from tests.integration.dags.test_policy import DAGS

pytestmark = pytest.mark.processes


def test_a_run_that_is_triggered_by_hand_has_a_deadline(airflow: Airflow) -> None:
    said = airflow.run("dags", "reserialize")
    scheduled = sorted(DAGS - {RULES_DAG})
    for dag_id in scheduled:
        said += airflow.run("dags", "trigger", dag_id, "--run-id", "by-hand")
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        deadlines = database.execute(
            """SELECT dag_id, logical_date, round((julianday(deadline_time) - julianday(run_after)) * 86400)
            FROM dag_run JOIN deadline ON dagrun_id = dag_run.id WHERE run_id = 'by-hand' ORDER BY dag_id"""
        ).fetchall()
    for dag_id in scheduled:
        airflow.run("dags", "delete", "--yes", dag_id)
    assert deadlines == [
        ("chunk_transactions", None, 300.0),
        ("maintain", None, 7200.0),
        ("supervise_chunker", None, 180.0),
        ("supervise_detector", None, 180.0),
        ("watch_freshness", None, 180.0),
    ], said
