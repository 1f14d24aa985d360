"""DAGs for the tests of alerts: one is late, one fails."""

from datetime import timedelta

from airflow.sdk import DAG, task

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

with DAG(
    "late", schedule=None, deadline=run_deadline("late", timedelta(seconds=1)), dagrun_timeout=timedelta(seconds=30)
):

    @task
    def take_too_long() -> None:
        """Run until the run's timeout."""
        import signal

        signal.pause()

    take_too_long()

with DAG("failing", schedule=None, default_args={**TASK_DEFAULTS, "retries": 0}):

    @task
    def fail() -> None:
        """Fail without a retry."""
        raise ValueError("no such day")

    fail()
