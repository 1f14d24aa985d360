"""What all DAGs share: defaults of their tasks, and deadlines of their runs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert
from asgiref.sync import sync_to_async

from orchestration.alerts import RUN_LATE, runbook_section
from orchestration.deadline import RunAfterDeadline, ended_in_time
from orchestration.notify import send_alert
from orchestration.settings import SettingsError
from orchestration.state_store import VariableMalformedError
from orchestration.task_alerts import TaskFailed, TaskRecovered
from spark_jobs.errors import PermanentError

# Airflow's own defaults (no retry, or one after five minutes) are too slow for DAGs that run every few seconds.
TASK_DEFAULTS: dict[str, Any] = {
    "owner": "transaction-patterns",
    "retries": 3,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=30),
    # With Airflow's rule a task outranks others by the number of tasks after it: 17,280 times a day.
    "priority_weight": 1,
    "weight_rule": "absolute",
    # Somebody has to act first.
    "retry_policy": ExceptionRetryPolicy(
        [RetryRule([PermanentError, SettingsError, VariableMalformedError], RetryAction.FAIL)]
    ),
    "on_failure_callback": TaskFailed(),
    "on_success_callback": TaskRecovered(),
    "on_skipped_callback": TaskRecovered(),
}


def run_deadline(dag_id: str, within: timedelta) -> DeadlineAlert:
    """Return an alert for runs of a DAG, except in a backfill, that have not ended so long after they were due."""
    return DeadlineAlert(
        reference=RunAfterDeadline(),
        interval=within,
        callback=AsyncCallback(notify_missed_deadline, {"dag_id": dag_id, "seconds": round(within.total_seconds())}),
    )


async def notify_missed_deadline(dag_id: str, seconds: int, context: Mapping[str, Any] | None = None) -> None:
    """Notify people of a late run, unless it failed in time; the triggerer imports this by its path."""
    if context and ended_in_time(context["dag_run"], timedelta(seconds=seconds)):
        return
    text = f"WARNING {dag_id}: a run has taken longer than {seconds} s; {runbook_section(RUN_LATE)}"
    await sync_to_async(lambda: send_alert(text))()
