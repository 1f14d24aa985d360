"""A local Databricks that the tests share, and scripts for it to run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local.databricks.server import LocalDatabricks, local_databricks
from tests.harness.pipeline import wait_until


def client_of(server: LocalDatabricks) -> WorkspaceClient:
    return WorkspaceClient(host=server.host, token=server.token)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabricks]:
    with local_databricks(tmp_path_factory.mktemp("databricks"), {}, arguments=("--grace", "1")) as server:
        yield server


@pytest.fixture(scope="session")
def client(server: LocalDatabricks) -> WorkspaceClient:
    return client_of(server)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a Python script and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / f"script-{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return str(path)

    return write


def task_of(python_file: str, key: str = "main", **settings: Any) -> jobs.Task:
    parameters = settings.pop("parameters", None)
    return jobs.Task(key, spark_python_task=jobs.SparkPythonTask(python_file, parameters=parameters), **settings)


def job_of(
    client: WorkspaceClient,
    *tasks: jobs.Task,
    name: str = "test",
    parameters: dict[str, str] | None = None,
    queue: bool = False,
    **settings: Any,
) -> int:
    """Create a job of these tasks; return its id."""
    defined = [jobs.JobParameterDefinition(name=key, default=value) for key, value in (parameters or {}).items()]
    created = client.jobs.create(
        name=name, tasks=list(tasks), parameters=defined or None, queue=jobs.QueueSettings(queue), **settings
    )
    assert created.job_id
    return created.job_id


def state_of(run: jobs.Run | jobs.BaseRun | jobs.RunTask) -> tuple[str, str]:
    """Return the life cycle and the result of a run or of one of its tasks."""
    assert run.state
    assert run.state.life_cycle_state
    result = run.state.result_state
    return run.state.life_cycle_state.value, result.value if result else ""


def attempt_of(run: jobs.Run) -> int:
    """Return the id of the newest attempt of a run's only task."""
    assert run.tasks
    assert run.tasks[0].run_id
    return run.tasks[0].run_id


def ended(client: WorkspaceClient, run_id: int | None) -> jobs.Run:
    """Wait until a run has ended; return it."""
    assert run_id
    wait_until(lambda: client.jobs.get_run(run_id).end_time != 0)
    return client.jobs.get_run(run_id)


def cancelled(client: WorkspaceClient, run_id: int | None) -> jobs.Run:
    """Cancel a run and wait until it has ended; return it."""
    assert run_id
    client.jobs.cancel_run(run_id)
    return ended(client, run_id)


def started(client: WorkspaceClient, job_id: int, **given: Any) -> int:
    """Start a run of a job; return its id."""
    answer: jobs.RunNowResponse = client.jobs.run_now(job_id, **given).response
    assert answer.run_id
    return answer.run_id
