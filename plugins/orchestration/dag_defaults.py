"""What all DAGs share: defaults of their tasks, deadlines of their runs, idempotency tokens."""

import hashlib
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from asgiref.sync import sync_to_async

from orchestration.alerts import RUN_LATE, runbook_section
from orchestration.notify import FailureNotifier, send
from orchestration.settings import load_settings

# Airflow's own defaults (no retry, or one after five minutes) are too slow for DAGs that run every few seconds.
TASK_DEFAULTS: dict[str, Any] = {
    "owner": "transaction-patterns",
    "retries": 3,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=30),
    "on_failure_callback": FailureNotifier(),
}


def run_deadline(dag_id: str, within: timedelta) -> DeadlineAlert:
    """Return an alert for runs of a DAG that have not ended so long after their logical date.

    Airflow 3.3.2 refuses to clear tasks of a DAG whose deadline counts from when a run was queued.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=within,
        callback=AsyncCallback(notify_missed_deadline, {"dag_id": dag_id, "seconds": round(within.total_seconds())}),
    )


async def notify_missed_deadline(dag_id: str, seconds: int, **_: object) -> None:
    """Notify people of a late run; the triggerer imports this by its path."""
    text = f"WARNING {dag_id}: a run has taken longer than {seconds} s; {runbook_section(RUN_LATE)}"
    await sync_to_async(lambda: send(text, load_settings().alert_connection))()


def idempotency_token(job: str, run_id: str, try_number: int) -> str:
    """Return a token of at most 64 characters with which Databricks starts one run per try of a task.

    It contains the try, because for a known token Databricks returns the earlier run, even a failed one.
    """
    return f"{hashlib.sha256(f'{job}/{run_id}'.encode()).hexdigest()[:48]}-{try_number}"
