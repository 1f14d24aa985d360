"""A run that takes longer than it may is told of while it still runs."""

from datetime import timedelta

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from asgiref.sync import sync_to_async

from orchestration.load_settings import load_settings
from orchestration.notifier import send
from orchestration.runbook import RUN_LATE, section


def deadline(dag_id: str, within: timedelta) -> DeadlineAlert:
    """Return the alert for runs of a DAG that are not over so long after they were due.

    Counted from the logical date: with one from when a run was queued, Airflow 3.3.2 refuses to clear its tasks.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=within,
        callback=AsyncCallback(deadline_missed, {"dag_id": dag_id, "seconds": round(within.total_seconds())}),
    )


async def deadline_missed(dag_id: str, seconds: int, **_: object) -> None:
    """Tell people of it; the triggerer calls this, so it must be importable there."""
    await sync_to_async(_tell)(f"WARNING {dag_id}: a run has taken longer than {seconds} s; {section(RUN_LATE)}")


def _tell(text: str) -> None:
    send(text, load_settings().alert_connection)
