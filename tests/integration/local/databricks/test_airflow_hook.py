"""Airflow's own Databricks hook works with the local Databricks unchanged."""

import asyncio
from collections.abc import Callable

import pytest
from airflow.providers.common.compat.sdk import Connection
from airflow.providers.databricks.hooks.databricks import DatabricksHook
from databricks.sdk import WorkspaceClient

from local.databricks.server import LocalDatabricks
from tests.integration.local.databricks.conftest import attempt_of, ended, job_of, task_of

Script = Callable[[str], str]


@pytest.fixture
def hook(server: LocalDatabricks, monkeypatch: pytest.MonkeyPatch) -> DatabricksHook:
    connection = Connection(
        conn_id="local_databricks",
        conn_type="databricks",
        host=server.host.removeprefix("http://"),
        schema="http",
        password=server.token,
    )
    monkeypatch.setenv("AIRFLOW_CONN_LOCAL_DATABRICKS", connection.get_uri())
    return DatabricksHook("local_databricks")


def test_the_hook_finds_runs_and_reads_a_run(hook: DatabricksHook, client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("print('by the hook')")), name="of the hook")
    assert hook.find_job_id_by_name("of the hook") == job_id
    run_id = hook.run_now({"job_id": job_id, "idempotency_token": "hook-1"})
    run = ended(client, run_id)
    state = hook.get_run_state(run_id)
    assert (state.is_terminal, state.is_successful) == (True, True)
    assert hook.get_run_output(attempt_of(run))["logs"] == "by the hook\n"
    assert hook.get_run_page_url(run_id) == run.run_page_url
    assert hook.test_connection()[0]


def test_the_hook_cancels_runs_and_pauses_jobs(hook: DatabricksHook, client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("import signal; signal.pause()")))
    run_id = hook.run_now({"job_id": job_id})
    hook.cancel_run(run_id)
    ended(client, run_id)
    assert hook.get_run_state(run_id).result_state == "CANCELED"
    hook.update_job(str(job_id), {"name": "renamed"})
    assert [job["job_id"] for job in hook.list_jobs(job_name="renamed")] == [job_id]


def test_the_asynchronous_hook_sends_get_parameters_in_the_body(
    hook: DatabricksHook, client: WorkspaceClient, script: Script
) -> None:
    async def result_of(run_id: int) -> str:
        async with hook:
            return str((await hook.a_get_run_state(run_id)).result_state)

    run_id = hook.run_now({"job_id": job_of(client, task_of(script("")))})
    ended(client, run_id)
    assert asyncio.run(result_of(run_id)) == "SUCCESS"
