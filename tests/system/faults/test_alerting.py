"""Failures in Airflow itself are sent to the alert connection."""

import pytest

from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def trigger(running: Running, dag_id: str) -> None:
    running.wait(lambda: dag_id in [dag["dag_id"] for dag in running.airflow("GET", "/dags")["dags"]])
    running.airflow("POST", f"/dags/{dag_id}/dagRuns", logical_date=None)


def test_a_late_run_raises_an_alert_while_it_runs(running: Running) -> None:
    trigger(running, "late")
    running.wait(lambda: running.times_notified("WARNING late: a run has taken longer than 1 s"))


def test_a_task_that_fails_in_every_run_raises_one_alert(running: Running) -> None:
    runs = "/dags/failing/dagRuns?state=failed"
    for failed in (1, 2):
        trigger(running, "failing")
        running.wait(lambda: running.airflow("GET", runs)["total_entries"] == failed)  # noqa: B023 - used at once
    running.wait(lambda: running.times_notified("FAILED failing.fail"))
    assert running.times_notified("try 1: no such day") == 1
