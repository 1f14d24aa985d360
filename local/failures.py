"""Permanent failures of the jobs, as `make run` reports them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from spark_jobs.exit_codes import FAILED_PERMANENT

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import BaseRun

_POLL_SECONDS = 2
# An unexpected error may be transient, but not if it is repeated this often.
_CRASHES = 3


class PermanentFailures:
    """Finds failures in the jobs' runs that do not go away by themselves, and reports each once.

    These are the jobs' own permanent errors, and unexpected errors, such as Java failing to start, that occur for the
    third time.

    Args:
        job_ids: by job name.
    """

    def __init__(self, workspace: "WorkspaceClient", job_ids: Mapping[str, int]) -> None:
        self._workspace = workspace
        self._job_ids = job_ids
        self._seen: set[int] = set()
        self._next_poll = 0.0
        self._times: Counter[tuple[str, str]] = Counter()

    def poll(self, now: float) -> Iterator[str]:
        """Yield a message for each new failure: the job, its error, and the URL of its log.

        Args:
            now: seconds; calls within two seconds of the last one yield nothing.
        """
        if now < self._next_poll:
            return
        self._next_poll = now + _POLL_SECONDS
        for name, job_id in self._job_ids.items():
            for run in self._workspace.jobs.list_runs(job_id=job_id, completed_only=True):
                assert run.run_id
                if run.run_id in self._seen:
                    break
                self._seen.add(run.run_id)
                error, needed = self._error_of(run)
                self._times[name, error] += 1
                if self._times[name, error] == needed:
                    yield f"{name}: {error}\nlog: {run.run_page_url}"

    def _error_of(self, run: "BaseRun") -> tuple[str, int]:
        """Return a run's error, and how often it must occur to be reported, 0 for never."""
        if not run.state or not run.state.result_state or run.state.result_state.value != "FAILED":
            return "", 0
        tasks = self._workspace.jobs.get_run(run.run_id or 0).tasks or []
        output = self._workspace.jobs.get_run_output(tasks[-1].run_id or 0)
        if output.error == f"SystemExit: {FAILED_PERMANENT}":
            *_, last = (line for line in (output.logs or "").splitlines() if '"retryable": false' in line)
            return str(json.loads(last)["event"]), 1
        # The other exit codes of a job call for a retry; a process that was killed leaves no traceback.
        if not output.error_trace or str(output.error).startswith("SystemExit"):
            return "", 0
        return str(output.error), _CRASHES
