"""When a continuous job has its next run: at once, and ever later while its runs fail."""

from local.databricks.model import Run
from local.databricks.progress import restart_delay


class Restarts:
    """Remembers what became of each job's runs since the server started; times in milliseconds."""

    def __init__(self) -> None:
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, int] = {}

    def run_ended(self, run: Run) -> None:
        """Count a run that is over, or begin to count anew where it did not fail."""
        failed = run.state.result in ("FAILED", "TIMEDOUT")
        self._failures[run.job_id] = self._failures.get(run.job_id, 0) + 1 if failed else 0
        self._not_before[run.job_id] = (run.ended or 0) + restart_delay(self._failures[run.job_id])

    def forget(self, job_id: int) -> None:
        """Let a job have its next run as if it had had none."""
        self._failures.pop(job_id, None)
        self._not_before.pop(job_id, None)

    def is_due(self, job_id: int, now: int) -> bool:
        """Return whether a job that has no run may have one."""
        return now >= self._not_before.get(job_id, 0)

    def trigger(self, job_id: int) -> str:
        """Return what triggers a job's next run, as the API calls it: `CONTINUOUS` or `CONTINUOUS_RESTART`."""
        return "CONTINUOUS_RESTART" if job_id in self._not_before else "CONTINUOUS"
