"""Only what belongs to this product's DAGs is deleted."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.dag_ids import DAG_IDS
from orchestration.prune import TABLES, LogsNotSeparableError, prune_logs
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


def test_the_commands_in_the_documentation_delete_the_same_rows() -> None:
    text = (ROOT / "docs" / "reference" / "dags.md").read_text()
    shown = f"--dag-ids {','.join(DAG_IDS)} --tables {','.join(TABLES)}"
    assert text.count(shown) == text.count("db clean --yes") == 2
