"""Failures in Airflow itself are sent to the alert connection."""

from datetime import UTC, datetime

import pytest

from tests.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def trigger(running: Running, dag_id: str) -> None:
    running.wait(lambda: dag_id in [dag["dag_id"] for dag in running.airflow("GET", "/dags")["dags"]])
    running.airflow("POST", f"/dags/{dag_id}/dagRuns", logical_date=datetime.now(UTC).isoformat())


def test_a_late_run_raises_an_alert_while_it_runs(running: Running) -> None:
    trigger(running, "late")
    running.wait(lambda: running.times_notified("WARNING late: a run has taken longer than 1 s"))


def test_a_failed_task_raises_one_alert(running: Running) -> None:
    trigger(running, "failing")
    running.wait(lambda: running.times_notified("FAILED failing.fail"))
    assert running.times_notified("try 1: no such day") == 1
