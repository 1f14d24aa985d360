"""Continuous jobs: always one active run, never two."""

from collections.abc import Callable
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from tests.harness.pipeline import wait_until
from tests.integration.local.databricks.conftest import cancelled, ended, job_of, started, state_of, task_of

Script = Callable[[str], str]
_SLEEPS = "import signal\nsignal.pause()\n"
_PAUSED = jobs.Continuous(pause_status=jobs.PauseStatus.PAUSED)
_UNPAUSED = jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED)


def active_runs(client: WorkspaceClient, job_id: int) -> list[jobs.BaseRun]:
    return list(client.jobs.list_runs(job_id=job_id, active_only=True))


def set_continuous(client: WorkspaceClient, job_id: int, continuous: jobs.Continuous) -> None:
    client.jobs.update(job_id, new_settings=jobs.JobSettings(continuous=continuous))


def test_it_starts_when_unpaused_and_restarts_when_its_run_is_cancelled(
    client: WorkspaceClient, script: Script
) -> None:
    job_id = job_of(client, task_of(script(_SLEEPS)), continuous=_PAUSED)
    assert not active_runs(client, job_id)
    set_continuous(client, job_id, _UNPAUSED)
    wait_until(lambda: len(active_runs(client, job_id)) == 1)
    [first] = active_runs(client, job_id)
    assert first.trigger == jobs.TriggerType.CONTINUOUS
    cancelled(client, first.run_id)
    wait_until(lambda: bool(active_runs(client, job_id)))
    [second] = active_runs(client, job_id)
    assert second.run_id != first.run_id
    assert second.trigger == jobs.TriggerType.CONTINUOUS_RESTART
    set_continuous(client, job_id, _PAUSED)
    cancelled(client, second.run_id)
    assert not active_runs(client, job_id)


def test_run_now_replaces_the_active_run(client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script(_SLEEPS)), continuous=_UNPAUSED)
    wait_until(lambda: len(active_runs(client, job_id)) == 1)
    [first] = active_runs(client, job_id)
    client.jobs.update(job_id, new_settings=jobs.JobSettings(tags={"changed": "yes"}))
    second = started(client, job_id)
    assert state_of(ended(client, first.run_id)) == ("TERMINATED", "CANCELED")
    wait_until(lambda: state_of(client.jobs.get_run(second))[0] == "RUNNING")
    assert [run.run_id for run in active_runs(client, job_id)] == [second]
    client.jobs.delete(job_id)
    wait_until(lambda: not active_runs(client, job_id))


def test_it_backs_off_after_failures(client: WorkspaceClient, script: Script, tmp_path: Path) -> None:
    path = script(f"open({str(tmp_path / 'tries')!r}, 'a').write('x')\nraise SystemExit(1)")
    job_id = job_of(client, task_of(path), continuous=_UNPAUSED)
    wait_until(lambda: len(list(client.jobs.list_runs(job_id=job_id, completed_only=True))) == 3)
    client.jobs.delete(job_id)
    third, second, first = list(client.jobs.list_runs(job_id=job_id))[-3:]
    assert [state_of(client.jobs.get_run(run.run_id or 0))[1] for run in (first, second, third)] == ["FAILED"] * 3
    assert (second.start_time or 0) - (first.end_time or 0) >= 1000
    assert (third.start_time or 0) - (second.end_time or 0) >= 2000
