"""Plugins and DAGs on MWAA's Airflow and on the next one; the locked one is the environment of all other tests."""

import json
import re
import sqlite3
from contextlib import closing
from importlib.metadata import version
from typing import Any

import pytest
from databricks.sdk.service import jobs
from packaging.version import Version

from orchestration.dag_ids import DAG_IDS
from tests.harness.pipeline import ROOT
from tests.harness.releases import MWAA, Release, install
from tests.integration.dags.conftest import Airflow
from tests.integration.releases.conftest import Reported

# The first run downloads 200 MB.
pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(900)]


def query(airflow: Airflow, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        return database.execute(statement, values).fetchall()


def listed(airflow: Airflow, *command: str) -> list[dict[str, Any]]:
    """Return what a command lists as JSON, somewhere in its output."""
    said = airflow.run(*command, "--output", "json")
    found = re.findall(r"^\[.*\]$", said, re.MULTILINE)
    assert found or "No data found" in said, said
    return list(json.loads(found[-1])) if found else []


def states(airflow: Airflow, dag_id: str) -> tuple[dict[str, str], str]:
    """Run a DAG; return the state of each of its tasks, and the output."""
    said = airflow.test_dag(dag_id)
    rows = query(
        airflow,
        "SELECT task_id, state FROM task_instance WHERE run_id = "
        "(SELECT run_id FROM dag_run WHERE dag_id = ?1 ORDER BY id DESC LIMIT 1) AND dag_id = ?1",
        dag_id,
    )
    return dict(rows), said


def test_the_environment_has_the_release_that_it_is_named_for(release: Release) -> None:
    if release is MWAA:
        assert f"apache-airflow=={install(MWAA)}\n" in (ROOT / "terraform" / "mwaa" / "enforced.txt").read_text()
    else:
        assert Version(install(release)) > Version(version("apache-airflow"))


def test_every_module_of_the_plugins_can_be_imported(airflow: Airflow, reported: Reported) -> None:
    with reported():
        done = airflow.process.run("tests.harness.airflow:import_plugins", ["orchestration", "pattern_page"])
        assert done.code == 0, done.log


def test_both_plugins_are_registered_and_every_dag_is_serialized(airflow: Airflow, reported: Reported) -> None:
    with reported():
        said = airflow.run("dags", "reserialize")
        assert listed(airflow, "dags", "list-import-errors") == [], said
        assert {row[0] for row in query(airflow, "SELECT dag_id FROM serialized_dag")} == set(DAG_IDS), said
        plugins = {plugin["name"] for plugin in listed(airflow, "plugins")}
        assert plugins >= {"pattern_detection", "transaction_patterns_deadlines"}


def test_a_backlog_is_landed_and_the_next_run_is_skipped(airflow: Airflow, reported: Reported) -> None:
    with reported():
        airflow.upload(35)
        found, said = states(airflow, "chunk_transactions")
        assert found == {"watch_offset": "success", "land_chunks": "success"}, said
        assert len(airflow.keys("landing_zone")) == 4
        found, said = states(airflow, "chunk_transactions")
        assert found == {"watch_offset": "skipped", "land_chunks": "skipped"}, said
        assert "nothing new: line 35 is landed" in said


def test_the_detector_is_supervised(airflow: Airflow, sleeper: str, reported: Reported) -> None:
    airflow.databricks.jobs.create(
        name=f"{airflow.name}-detector",
        tasks=[jobs.Task("detector", spark_python_task=jobs.SparkPythonTask(sleeper))],
        continuous=jobs.Continuous(pause_status=jobs.PauseStatus.PAUSED),
    )
    with reported():
        found, said = states(airflow, "supervise_detector")
        assert found == {"supervise": "success"}, said
        assert "alert: WARNING detector-paused" in said


def test_freshness_is_measured(airflow: Airflow, reported: Reported) -> None:
    with reported():
        found, said = states(airflow, "watch_freshness")
        assert found == {"watch": "success"}, said
        assert "measured: " in said


def test_everything_is_maintained(airflow: Airflow, reported: Reported) -> None:
    with reported():
        found, said = states(airflow, "maintain")
        assert found == dict.fromkeys(("maintain_state", "prune_database", "prune_logs"), "success"), said
