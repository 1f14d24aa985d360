"""Only what belongs to this product's DAGs is deleted."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.dag_ids import DAG_IDS
from orchestration.prune import (
    DEADLINE_CALLBACK,
    TABLES,
    LogsNotSeparableError,
    PruningError,
    prune_database,
    prune_logs,
)
from tests.harness.pipeline import ROOT

NOW = datetime(2026, 1, 10, tzinfo=UTC)
TEMPLATE = "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}/attempt=1.log"


def write(log: Path, age: timedelta) -> Path:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    os.utime(log, ((NOW - age).timestamp(),) * 2)
    return log


def test_old_logs_of_every_dag_of_this_product_are_deleted_and_recent_ones_stay(tmp_path: Path) -> None:
    folders = [tmp_path / f"dag_id={dag_id}" for dag_id in DAG_IDS]
    old = [write(folder / "run_id=1" / "attempt=1.log", timedelta(days=4)) for folder in folders]
    recent = [write(folder / "run_id=2" / "attempt=1.log", timedelta(days=2)) for folder in folders]
    assert prune_logs(tmp_path, TEMPLATE, NOW - timedelta(days=3)) == len(DAG_IDS)
    assert not any(log.parent.exists() for log in old)
    assert all(log.exists() for log in recent)


def test_logs_of_other_dags_and_of_airflow_itself_stay(tmp_path: Path) -> None:
    names = ["dag_id=foreign/a.log", "dag_id=maintain_warehouse/a.log", "scheduler/a.log", "maintain/a.log", "a.log"]
    logs = [write(tmp_path / name, timedelta(days=4)) for name in names]
    assert prune_logs(tmp_path, TEMPLATE, NOW) == 0
    assert all(log.exists() for log in logs)


def test_logs_that_cannot_be_told_apart_stay(tmp_path: Path) -> None:
    log = write(tmp_path / "dag_id=maintain" / "a.log", timedelta(days=4))
    with pytest.raises(LogsNotSeparableError, match=r"begins with '\{\{ run_id \}\}/', not with 'dag_id="):
        prune_logs(tmp_path, "{{ run_id }}/", NOW)
    assert log.exists()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with Airflow's tables of callbacks and deadlines, in `tmp_path/airflow.db`."""
    with closing(sqlite3.connect(tmp_path / "airflow.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE callback (id TEXT, created_at TEXT, data TEXT)")
        connection.execute("CREATE TABLE deadline (callback_id TEXT)")
        yield connection


@pytest.mark.parametrize(
    ("tables", "harmless"), [(["deadline"], True), (["deadline", "log"], False), (["dag_run"], False)], ids=str
)
@pytest.mark.usefixtures("database")
def test_a_table_that_was_not_cleaned_is_an_error_unless_its_rows_went_with_their_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tables: list[str], harmless: bool
) -> None:
    error = (
        f"RuntimeError: airflow db clean encountered errors on the following tables and did not clean them: {tables}"
    )
    failed = subprocess.CompletedProcess([], 1, "output", f"{error}. Check the logs above for details.")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with nullcontext() if harmless else pytest.raises(PruningError, match="`airflow db clean` failed with exit code 1"):
        assert prune_database(f"sqlite:///{tmp_path / 'airflow.db'}", NOW) == "output"


def test_only_old_callbacks_of_this_product_whose_run_is_gone_are_deleted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: sqlite3.Connection
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "", ""))
    ours, foreign, old, recent = DEADLINE_CALLBACK, "foreign.notify", "2026-01-01 00:00:00", "2026-01-11 00:00:00"
    for name, at, path in (("a", old, ours), ("b", recent, ours), ("c", old, foreign), ("d", old, ours)):
        database.execute("INSERT INTO callback VALUES (?, ?, ?)", (name, at, json.dumps({"path": path})))
    database.execute("INSERT INTO deadline VALUES ('d')")
    prune_database(f"sqlite:///{tmp_path / 'airflow.db'}", NOW)
    assert [row[0] for row in database.execute("SELECT id FROM callback")] == ["b", "c", "d"]


def test_the_commands_in_the_documentation_delete_the_same_rows() -> None:
    text = (ROOT / "docs" / "reference" / "dags.md").read_text()
    shown = f"--dag-ids {','.join(DAG_IDS)} --tables {','.join(TABLES)}"
    assert text.count(shown) == text.count("db clean --yes") == 2
