"""Failures of tasks are told once, and once more when they are over."""

from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import task_alerts
from orchestration.notify import NOTIFIED
from orchestration.state_store import VariableMalformedError
from orchestration.task_alerts import TaskFailed, TaskRecovered
from tests.unit.orchestration.memory_state import MemoryState


def context(task_id: str = "land_chunks", run: int = 1) -> Any:
    ti = SimpleNamespace(dag_id="chunk_transactions", task_id=task_id, run_id=f"run-{run}", try_number=1)
    return {"ti": ti, "exception": ValueError("the file shrank")}


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> MemoryState:
    state = MemoryState()
    monkeypatch.setattr(task_alerts, "AirflowVariables", lambda: state)
    return state


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(task_alerts, "send_alert", sent.append)
    return sent


@pytest.mark.usefixtures("state")
def test_a_task_that_fails_in_every_run_is_told_once_and_resolved_once(sent: list[str]) -> None:
    for run in range(1, 100):
        TaskFailed().notify(context(run=run))
    assert sent == [
        "FAILED chunk_transactions.land_chunks: run run-1, try 1: the file shrank; docs/runbook.md#task-failed"
    ]
    for _ in range(2):
        TaskRecovered().notify(context())
    assert sent[1:] == ["RESOLVED chunk_transactions.land_chunks"]


@pytest.mark.usefixtures("state")
def test_tasks_are_told_independently(sent: list[str]) -> None:
    TaskFailed().notify(context("watch_offset"))
    TaskFailed().notify(context("land_chunks"))
    TaskRecovered().notify(context("watch_offset"))
    assert [text.split(": run")[0] for text in sent] == [
        "FAILED chunk_transactions.watch_offset",
        "FAILED chunk_transactions.land_chunks",
        "RESOLVED chunk_transactions.watch_offset",
    ]


@pytest.mark.usefixtures("state")
def test_a_run_with_nothing_to_land_resolves_the_failure_to_land(sent: list[str]) -> None:
    TaskFailed().notify(context("land_chunks"))
    TaskRecovered(and_tasks=("land_chunks",)).notify(context("watch_offset"))
    assert sent[1:] == ["RESOLVED chunk_transactions.land_chunks"]


@pytest.mark.usefixtures("state")
def test_a_task_whose_process_was_killed_is_told_as_such(sent: list[str]) -> None:
    TaskFailed().notify({"ti": context()["ti"]})
    assert "try 1: its process ended without an error; see the scheduler's log" in sent[0]


def test_a_failure_is_told_even_if_its_state_is_unusable(state: MemoryState, sent: list[str]) -> None:
    state.write(f"{NOTIFIED}_task_chunk_transactions.land_chunks", [])
    with pytest.raises(VariableMalformedError):
        TaskFailed().notify(context())
    assert len(sent) == 1
