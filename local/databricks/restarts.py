"""Restarts of continuous jobs, with backoff while their runs fail."""

from local.databricks.model import Run


def restart_delay(failures: int) -> int:
    """Return the backoff in milliseconds after a number of failed runs in a row: 0, 1 s, 2 s, 4 s … 60 s."""
    return 0 if failures == 0 else min(1000 * 2 ** min(failures - 1, 6), 60_000)


class Restarts:
    """When each continuous job may start its next run; times in milliseconds, forgotten when the server ends."""

    def __init__(self) -> None:
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, int] = {}

    def run_ended(self, run: Run) -> None:
        """Record a finished run: a failure extends the backoff, anything else resets it."""
        failed = run.state.result in ("FAILED", "TIMEDOUT")
        self._failures[run.job_id] = self._failures.get(run.job_id, 0) + 1 if failed else 0
        self._not_before[run.job_id] = (run.ended or 0) + restart_delay(self._failures[run.job_id])

    def reset(self, job_id: int) -> None:
        """Forget all runs of a job."""
        self._failures.pop(job_id, None)
        self._not_before.pop(job_id, None)

    def is_due(self, job_id: int, now: int) -> bool:
        """Return whether a job without an active run may start one."""
        return now >= self._not_before.get(job_id, 0)

    def trigger(self, job_id: int) -> str:
        """Return the trigger of a job's next run, as the API names it."""
        return "CONTINUOUS_RESTART" if job_id in self._not_before else "CONTINUOUS"
