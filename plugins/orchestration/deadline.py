"""Deadlines of DAG runs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference


class RunAfterDeadline(BaseDeadlineReference):
    """Counts from when a run was due, which every run has: a scheduled one, and one that was triggered by hand.

    Runs of a backfill have no deadline: they were due in the past. A run that was triggered by hand has no logical
    date; and Airflow 3.3.2 refuses to clear tasks of a DAG whose deadline counts from when a run was queued.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        found: datetime | None = session.scalar(
            select(DagRun.run_after).where(
                DagRun.dag_id == dag_id, DagRun.run_id == run_id, DagRun.run_type != "backfill"
            )
        )
        return found


def ended_in_time(run: Mapping[str, Any], within: timedelta) -> bool:
    """Return whether a run, as the REST API describes it, had ended before its deadline.

    Airflow forgets the deadline of a run that succeeded, but not that of a run that failed.
    """
    if run["end_date"] is None:
        return False
    return datetime.fromisoformat(run["end_date"]) - datetime.fromisoformat(run["run_after"]) <= within
