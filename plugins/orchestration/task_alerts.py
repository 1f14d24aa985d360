"""Alerts about the tasks of the DAGs: sent once when a task fails for good, and once when it is well again."""

from collections.abc import Sequence

from airflow.sdk import BaseNotifier, Context

from orchestration.alerts import TASK_FAILED, Alert, Severity
from orchestration.notify import Notifier, send_alert
from orchestration.variables import AirflowVariables


class TaskFailed(BaseNotifier):
    """Notifies people of a task that has failed after its last retry, unless they know of it from an earlier run."""

    def notify(self, context: Context) -> None:
        """Send one message that names the task, its run and its error."""
        ti = context["ti"]
        # Airflow knows no exception of a task whose process was killed.
        error = context.get("exception") or "its process ended without an error; see the scheduler's log"
        what = f"run {ti.run_id}, try {ti.try_number}: {error}"
        alert = Alert(f"{ti.dag_id}.{ti.task_id}", Severity.FAILED, what, TASK_FAILED)
        _tell(ti.dag_id, ti.task_id, [alert])


class TaskRecovered(BaseNotifier):
    """Notifies people that a task is well again, if they know that it failed.

    Args:
        and_tasks: other tasks of the DAG that have nothing left to fail of.
    """

    def __init__(self, and_tasks: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._and_tasks = and_tasks

    def notify(self, context: Context) -> None:
        """Send one message for each task that was reported."""
        ti = context["ti"]
        for task_id in (ti.task_id, *self._and_tasks):
            _tell(ti.dag_id, task_id, [])


def _tell(dag_id: str, task_id: str, alerts: Sequence[Alert]) -> None:
    # Tasks of one run end at the same time, so each has a state of its own.
    try:
        notifier = Notifier(f"task_{dag_id}.{task_id}", AirflowVariables(), send_alert)
        notifier.record(alerts)
    except Exception:
        # Without the state people may be told twice, but must be told.
        for alert in alerts:
            send_alert(alert.text)
        raise
    notifier.deliver()
