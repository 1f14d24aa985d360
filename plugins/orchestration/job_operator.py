"""The operator with which the DAGs run jobs in Databricks."""

from typing import Any

from airflow.providers.databricks.operators.databricks import DatabricksRunNowOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from orchestration.job_runs import find_permanent_error


class JobOperator(DatabricksRunNowOperator):
    """Runs a job by its name and waits for it.

    Each try starts a run, unless the run of the try before is still active: a task whose worker died continues to wait
    for that one. Clearing the task, even one that succeeded, starts a new run. A run that failed permanently is not
    retried; all other failures are.
    """

    _while_polling: "_Once | None" = None

    def __init__(self, **arguments: Any) -> None:
        # Airflow gives each try an id of its own, also if the run is deleted and created again. Deferral takes longer
        # than a run of the chunker does.
        super().__init__(idempotency_token="{{ ti.id }}", deferrable=False, **arguments)

    def execute(self, context: Context) -> None:
        """Run the job.

        Raises:
            AirflowFailException: it failed permanently; the message is that of the job.
            AirflowException: it failed otherwise.
        """
        try:
            super().execute(context)
        except AirflowException as error:
            reason = find_permanent_error(self._hook, self.run_id) if self.run_id else None
            if reason is None:
                raise
            msg = f"job {self.job_name}, run {self.run_id}, failed permanently: {reason}"
            raise AirflowFailException(msg) from error

    def poll_until_complete(self, external_id: Any, context: Context) -> None:
        """Wait for the run, logging its URL and each of its states once instead of at every poll."""
        self._while_polling = _Once(super().log)
        try:
            super().poll_until_complete(external_id, context)
        finally:
            self._while_polling = None

    @property
    def log(self) -> Any:  # type: ignore[override]
        """The logger of the task."""
        return self._while_polling or super().log

    def is_job_succeeded(self, status: str) -> bool:  # noqa: ARG002 - the interface of resumable jobs
        """Return False: a run that ended before this try began is not this try's."""
        return False


class _Once:
    """A logger that leaves out information that it has logged before."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._logged: set[str] = set()

    def info(self, message: str, *values: object) -> None:
        key = repr((message, values))
        if key not in self._logged:
            self._logged.add(key)
            self._log.info(message, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
