"""The time from which deadlines of DAG runs count."""

from datetime import datetime
from typing import Any

from airflow.sdk.definitions.deadline import BaseDeadlineReference


class RunAfterDeadline(BaseDeadlineReference):
    """Counts from when a run was due, which every run has: a scheduled one, and one that was triggered by hand.

    A run that was triggered by hand has no logical date; and Airflow 3.3.2 refuses to clear tasks of a DAG whose
    deadline counts from when a run was queued.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        found: datetime | None = session.scalar(
            select(DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        )
        return found
