"""Which runs have a deadline, and which missed deadlines people are told of."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.models import DagRun
from airflow.triggers.callback import CallbackTrigger
from airflow.utils.types import DagRunType
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from orchestration import dag_defaults
from orchestration.dag_defaults import run_deadline
from orchestration.deadline import RunAfterDeadline

DUE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def session() -> Iterator[Session]:
    """Airflow's table of runs, empty."""
    engine = create_engine("sqlite://")
    DagRun.metadata.tables["dag_run"].create(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize(
    ("run_type", "deadline"),
    [
        (DagRunType.SCHEDULED, DUE + timedelta(minutes=5)),
        (DagRunType.MANUAL, DUE + timedelta(minutes=5)),
        (DagRunType.OPERATOR_TRIGGERED, DUE + timedelta(minutes=5)),
        (DagRunType.BACKFILL_JOB, None),
    ],
    ids=str,
)
def test_every_run_but_that_of_a_backfill_has_a_deadline(
    session: Session, run_type: DagRunType, deadline: datetime | None
) -> None:
    values = {"dag_id": "d", "run_id": "r", "run_type": run_type, "state": "running", "run_after": DUE}
    session.execute(insert(DagRun).values(**values, id=1, clear_number=0, span_status="not_started", log_template_id=1))
    found = RunAfterDeadline()._evaluate_with(session=session, dag_id="d", run_id="r")
    assert (found + timedelta(minutes=5) if found else None) == deadline


@pytest.mark.parametrize(
    ("ended", "told"),
    [(None, True), (timedelta(minutes=4), False), (timedelta(minutes=6), True)],
    ids=["running", "failed in time", "failed late"],
)
def test_a_run_that_failed_in_time_is_not_late(
    monkeypatch: pytest.MonkeyPatch, ended: timedelta | None, told: bool
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(dag_defaults, "send_alert", sent.append)
    run = {"end_date": (DUE + ended).isoformat() if ended else None, "run_after": "2026-01-01T00:00:00Z"}
    callback = run_deadline("chunk_transactions", timedelta(minutes=5)).callback
    fired = CallbackTrigger(callback.path, {**(callback.kwargs or {}), "context": {"dag_run": run}})

    async def fire() -> list[Any]:
        return [event.payload async for event in fired.run()]

    assert asyncio.run(fire())[-1]["state"] == "success"
    assert bool(sent) == told
