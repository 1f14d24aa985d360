"""What the jobs have failed of and do not get over, as `make run` tells it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import BaseRun, RunResultState

from spark_jobs.exit_codes import FAILED_PERMANENT

_SECONDS_BETWEEN_LOOKS = 2
# An error that a job does not know may pass; one that comes so often does not.
_CRASHES = 3


class PermanentFailures:
    """Looks through the jobs' runs, and tells each failure that only somebody can mend, once.

    These are the jobs' own permanent errors, and errors that they do not know, such as a Java that does not start,
    when the same one has come for the third time.

    Args:
        job_ids: by name.
    """

    def __init__(self, workspace: WorkspaceClient, job_ids: Mapping[str, int]) -> None:
        self._workspace = workspace
        self._job_ids = job_ids
        self._seen: set[int] = set()
        self._next_look = 0.0
        self._times: Counter[tuple[str, str]] = Counter()

    def look(self, now: float) -> Iterator[str]:
        """Yield a text for each new one: the job, what it said last, and where its log is.

        Args:
            now: in seconds; asked more often than every two seconds, it does not look.
        """
        if now < self._next_look:
            return
        self._next_look = now + _SECONDS_BETWEEN_LOOKS
        for name, job_id in self._job_ids.items():
            for run in self._workspace.jobs.list_runs(job_id=job_id, completed_only=True):
                assert run.run_id
                if run.run_id in self._seen:
                    break
                self._seen.add(run.run_id)
                said, needed = self._last_words(run)
                self._times[name, said] += 1
                if self._times[name, said] == needed:
                    yield f"{name}: {said}\nits log: {run.run_page_url}"

    def _last_words(self, run: BaseRun) -> tuple[str, int]:
        """Return what a run said before it failed, and how often it must say so to be told: 0 for never."""
        if not run.state or run.state.result_state is not RunResultState.FAILED:
            return "", 0
        tasks = self._workspace.jobs.get_run(run.run_id or 0).tasks or []
        output = self._workspace.jobs.get_run_output(tasks[-1].run_id or 0)
        if output.error == f"SystemExit: {FAILED_PERMANENT}":
            *_, last = (line for line in (output.logs or "").splitlines() if '"retryable": false' in line)
            return str(json.loads(last)["event"]), 1
        # A job's other exit codes are for a retry; a process that was killed leaves no trace.
        if not output.error_trace or str(output.error).startswith("SystemExit"):
            return "", 0
        return str(output.error), _CRASHES
