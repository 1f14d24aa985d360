"""Airflow plugin that registers the reference of the DAGs' deadlines."""

from airflow.plugins_manager import AirflowPlugin

from orchestration.deadline import RunAfterDeadline


class DeadlinePlugin(AirflowPlugin):
    """Lets the scheduler and the API server evaluate the deadlines."""

    name = "transaction_patterns_deadlines"
    deadline_references = [RunAfterDeadline]  # noqa: RUF012
