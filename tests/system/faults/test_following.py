"""A chunker that follows the master file lands the same lines, whatever is killed and whenever a run takes over."""

from collections.abc import Iterator

import pytest
from databricks.sdk.service import jobs

from local.jobs import CHUNKER
from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def _follow(running: Running) -> Iterator[None]:
    running.append()
    running.switch("follow")
    running.append()
    running.wait_until_all_is_committed()
    assert running.live_runs(CHUNKER)
    yield
    running.switch("run")
    running.stack.workspace.jobs.cancel_all_runs(job_id=running.stack.job_ids[CHUNKER])
    running.append()
    running.wait_until_all_is_well()
    running.assert_lines_are_landed_once_each_in_order()


@pytest.fixture(autouse=True)
def _well_before(running: Running) -> None:
    running.wait_until_all_is_well()
    running.notified.clear()


def test_a_killed_run_is_replaced(running: Running) -> None:
    [killed] = running.live_runs(CHUNKER)
    running.append()
    for process in running.job_processes(CHUNKER):
        process.kill()
    running.watch_until(lambda: running.times_notified("RESOLVED chunker-dead"))
    running.append()
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()
    [run] = running.live_runs(CHUNKER)
    assert run.run_id != killed.run_id
    running.assert_told_once("chunker-dead")


def test_a_stuck_run_is_replaced(running: Running) -> None:
    [stuck] = running.live_runs(CHUNKER)
    for process in running.job_processes(CHUNKER):
        process.suspend()
    running.append()
    running.watch_until(lambda: running.times_notified("RESOLVED chunker-stuck"))
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()
    running.wait(lambda: stuck.run_id not in [run.run_id for run in running.live_runs(CHUNKER)])


def test_the_next_run_takes_over_before_the_time_of_the_last_one_is_up(running: Running) -> None:
    job_id = running.stack.job_ids[CHUNKER]
    parameters = running.stack.workspace.jobs.get(job_id).settings.parameters  # type: ignore[union-attr]
    short = [
        jobs.JobParameterDefinition(name=one.name, default="80") if one.name == "follow-seconds" else one
        for one in parameters or []
    ]
    running.stack.workspace.jobs.update(job_id, new_settings=jobs.JobSettings(parameters=short))
    running.stack.workspace.jobs.cancel_all_runs(job_id=job_id)
    running.wait(lambda: not running.live_runs(CHUNKER))
    running.append(500)
    running.watch_until(lambda: len(running.live_runs(CHUNKER)) == 2)
    first = running.live_runs(CHUNKER)[-1].run_id or 0
    running.append(500)
    running.wait(lambda: running.stack.workspace.jobs.get_run(first).end_time)
    state = running.stack.workspace.jobs.get_run(first).state
    assert state
    assert state.result_state is jobs.RunResultState.SUCCESS
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()
