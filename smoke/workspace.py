"""The deployed jobs in a Databricks workspace, run with other parameters than their own."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import (
    JobRunAs,
    JobSettings,
    PythonWheelTask,
    QueueSettings,
    Run,
    RunLifeCycleState,
    RunNowResponse,
    SubmitRunResponse,
    SubmitTask,
)

_POLL_SECONDS = 1.0
_CANCEL_SECONDS = 300.0
_ENDED = (RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR)


class SmokeError(Exception):
    """Raised when the smoke run cannot go on; the message says why."""


@dataclass(frozen=True)
class DeployedJob:
    """A job of the deployment.

    Attributes:
        run_as: the identity of its runs.
    """

    job_id: int
    settings: JobSettings
    run_as: str

    @property
    def parameters(self) -> dict[str, str]:
        """Its parameters with their defaults."""
        return {parameter.name: parameter.default for parameter in self.settings.parameters or []}

    @property
    def allows_another_run(self) -> bool:
        """Whether a run beside the deployment's own neither replaces it nor keeps it from starting."""
        return self.settings.continuous is None and (self.settings.max_concurrent_runs or 1) > 1


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended; times in seconds, by the clock of Databricks.

    Attributes:
        result: a `RunResultState`, or the life cycle state of a run that never started.
        seconds: from start to end, without the queue.
        setup_seconds: to start a cluster and to install its libraries; 0 on a running one.
        error: of the task, "" if it succeeded.
        log: of the task; "" if Databricks returns none.
        url: of its page.
    """

    result: str
    seconds: float
    setup_seconds: float
    error: str
    log: str
    url: str

    @property
    def succeeded(self) -> bool:
        """Whether it succeeded."""
        return self.result == "SUCCESS"

    def summary(self) -> dict[str, Any]:
        """Return the summary that our jobs print as the last line of JSON without an `event`.

        Raises:
            SmokeError: the run failed, or its log has none.
        """
        if not self.succeeded:
            msg = f"the run ended with {self.result}: {self.error or 'no error was returned'}; see {self.url}"
            raise SmokeError(msg)
        for line in reversed(self.log.splitlines()):
            if line.startswith("{") and '"event"' not in line:
                return dict(json.loads(line))
        msg = f"the log of the run has no summary of the job; see {self.url}"
        raise SmokeError(msg)


class Workspace:
    """Starts runs of deployed jobs and waits for them; knows every run that it has started."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client
        self._started: list[int] = []

    def job(self, job_id: int) -> DeployedJob:
        """Return a job of the deployment."""
        job = self._client.jobs.get(job_id)
        return DeployedJob(job_id, job.settings or JobSettings(), job.run_as_user_name or "")

    def start(self, job: DeployedJob, parameters: Mapping[str, str]) -> int:
        """Start a job with other parameters; return the id of the run.

        A job that allows another run gets one. For the others it is a one-time run of the same task with the same
        cluster, libraries and identity, so that the deployment's own run continues.
        """
        if job.allows_another_run:
            queue = QueueSettings(enabled=True)
            started = self._client.jobs.run_now(job.job_id, job_parameters=dict(parameters), queue=queue)
            response: RunNowResponse = started.response
            return self._note(response.run_id)
        task = _wheel_task(job)
        # As Databricks passes the parameters of a job to its tasks.
        named = {**(task.named_parameters or {}), **job.parameters, **parameters}
        return self.submit(job, PythonWheelTask(task.package_name, task.entry_point, named_parameters=named))

    def submit(self, job: DeployedJob, wheel: PythonWheelTask) -> int:
        """Start a one-time run of an entry point where a job runs, and as its identity; return the id of the run."""
        [task] = job.settings.tasks or []
        values = task.as_dict()
        key = values.pop("job_cluster_key", None)
        for cluster in job.settings.as_dict().get("job_clusters", []):
            if cluster["job_cluster_key"] == key:
                values["new_cluster"] = cluster["new_cluster"]
        submitted = SubmitTask.from_dict({**values, "python_wheel_task": wheel.as_dict()})
        name = f"smoke run of {job.settings.name}"
        started = self._client.jobs.submit(run_name=name, tasks=[submitted], run_as=_identity(job.run_as))
        response: SubmitRunResponse = started.response
        return self._note(response.run_id)

    def is_active(self, run_id: int) -> bool:
        """Return whether a run has not ended."""
        return not _has_ended(self._client.jobs.get_run(run_id))

    def cancel(self, run_id: int) -> None:
        """Start cancelling a run."""
        self._client.jobs.cancel_run(run_id)

    def wait(self, run_id: int, seconds: float) -> EndedRun:
        """Wait until a run has ended.

        Raises:
            SmokeError: it has not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not _has_ended(run := self._client.jobs.get_run(run_id)):
            if time.monotonic() > deadline:
                msg = f"the run has not ended within {seconds:.0f} s; see {run.run_page_url}"
                raise SmokeError(msg)
            time.sleep(_POLL_SECONDS)
        return self._ended(run)

    def cancel_started(self) -> None:
        """Cancel all runs that were started here and have not ended, and wait for their ends.

        Raises:
            SmokeError: one of them does not end.
        """
        active = [run_id for run_id in self._started if self.is_active(run_id)]
        for run_id in active:
            self.cancel(run_id)
        for run_id in active:
            self.wait(run_id, _CANCEL_SECONDS)

    def _note(self, run_id: int | None) -> int:
        assert run_id is not None
        self._started.append(run_id)
        return run_id

    def _ended(self, run: Run) -> EndedRun:
        state, last = run.state, (run.tasks or [])[-1:]
        assert state is not None
        error, log = "", ""
        for task in last:
            try:
                output = self._client.jobs.get_run_output(task.run_id or 0)
                error, log = output.error or "", output.logs or ""
            except DatabricksError as failure:
                error = f"its output could not be read: {failure}"
        # A run with tasks has no setup duration of its own.
        setup = sum(task.setup_duration or 0 for task in last)
        result = (state.result_state or state.life_cycle_state or RunLifeCycleState.INTERNAL_ERROR).value
        millis = (run.end_time or 0) - (run.start_time or 0)
        return EndedRun(result, millis / 1000, setup / 1000, error, log, run.run_page_url or "")


def _wheel_task(job: DeployedJob) -> PythonWheelTask:
    [task] = job.settings.tasks or []
    assert task.python_wheel_task, f"{job.settings.name} has no wheel task"
    return task.python_wheel_task


def _has_ended(run: Run) -> bool:
    return run.state is not None and run.state.life_cycle_state in _ENDED


def _identity(name: str) -> JobRunAs:
    """Return an identity by the name that the API returns: the address of a user, or a service principal's id."""
    return JobRunAs(user_name=name) if "@" in name else JobRunAs(service_principal_name=name)
