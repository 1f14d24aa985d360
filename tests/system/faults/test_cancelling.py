"""A task of Airflow leaves no Databricks run behind, however it ends."""

from collections.abc import Iterator

import pytest
from databricks.sdk.service import jobs

from local.jobs import CHUNKER
from tests.system.faults.running import START_DELAY, Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def _clusters_that_never_start(running: Running) -> Iterator[None]:
    # With a started cluster, the run would end before it is cancelled.
    running.wait_until_all_is_committed()
    running.wait(lambda: not running.live_runs(CHUNKER))
    running.stack.databricks.restart(["--start-delay", "3600"])
    yield
    running.stack.databricks.restart(START_DELAY)
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()


@pytest.mark.parametrize("how", ["killed", "cleared", "marked as failed"])
def test_an_interrupted_chunker_task_cancels_its_run(running: Running, how: str) -> None:
    running.append()
    running.wait(lambda: running.latest_task("running"))
    running.wait(lambda: running.live_runs(CHUNKER))
    [run] = running.live_runs(CHUNKER)
    task = running.latest_task("running")
    assert task
    # A task can only cancel its run once it has stored the id.
    running.wait(lambda: running.knows_its_run(task))
    end_task(running, task, how)
    workspace = running.stack.workspace
    running.wait(lambda: workspace.jobs.get_run(run.run_id or 0).end_time)
    state = workspace.jobs.get_run(run.run_id or 0).state
    assert state
    assert state.result_state == jobs.RunResultState.CANCELED


def end_task(running: Running, task: dict[str, str], how: str) -> None:
    if how == "killed":
        running.task_process(task).terminate()
    elif how == "cleared":
        running.airflow(
            "POST",
            "/dags/chunk_transactions/clearTaskInstances",
            dag_run_id=task["dag_run_id"],
            task_ids=["land_chunks"],
            dry_run=False,
            only_failed=False,
        )
    else:
        path = f"/dags/chunk_transactions/dagRuns/{task['dag_run_id']}/taskInstances/land_chunks"
        running.airflow("PATCH", path, new_state="failed")


def test_clearing_a_chunker_task_that_succeeded_starts_a_new_run(running: Running) -> None:
    running.stack.databricks.restart(START_DELAY)
    running.append()
    running.wait_until_all_is_committed()
    running.wait(lambda: not running.live_runs(CHUNKER))
    running.wait(lambda: running.latest_task("success"))
    task = running.latest_task("success")
    assert task
    before = runs_of_chunker(running)
    end_task(running, task, "cleared")
    running.wait(lambda: runs_of_chunker(running) > before)
    running.wait(lambda: _state(running, task["dag_run_id"], task["dag_id"]) == "success")
    assert runs_of_chunker(running) == before + 1


def runs_of_chunker(running: Running) -> int:
    return len(list(running.stack.workspace.jobs.list_runs(job_id=running.stack.job_ids[CHUNKER])))


def test_a_run_can_be_triggered_by_hand(running: Running) -> None:
    """A deadline must not rule out a run without a logical date."""
    run = running.airflow("POST", "/dags/watch_freshness/dagRuns", logical_date=None)
    running.wait(lambda: _state(running, run["dag_run_id"]) == "success")


def _state(running: Running, run_id: str, dag_id: str = "watch_freshness") -> str:
    return str(running.airflow("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])
