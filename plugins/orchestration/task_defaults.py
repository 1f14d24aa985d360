"""What all tasks of all DAGs have in common."""

from datetime import timedelta
from typing import Any

from orchestration.notifier import FailureNotifier

# Airflow's own defaults (no retry, or one after five minutes) are too slow for what runs every few seconds.
TASK_DEFAULTS: dict[str, Any] = {
    "owner": "transaction-patterns",
    "retries": 3,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=30),
    "on_failure_callback": FailureNotifier(),
}
