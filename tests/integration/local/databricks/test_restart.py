"""What survives the end of the server, by SIGKILL and by SIGTERM: one server, killed and stopped, for all tests."""

import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local.databricks.server import LocalDatabricks, local_databricks
from tests.harness.pipeline import wait_until
from tests.integration.local.databricks.conftest import attempt_of, client_of, ended, job_of, started, state_of, task_of

_SLEEPS = "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()"
_SLEEPS_ONCE = """
import pathlib, signal
once = pathlib.Path(__file__ + ".once")
if not once.exists():
    once.touch()
    signal.pause()
"""


@dataclass
class Recovered:
    """A server that was killed and started again; the runs are those of before.

    Attributes:
        process: id of a task's process that ran when the server was killed or stopped.
    """

    server: LocalDatabricks
    client: WorkspaceClient
    directory: Path
    done: jobs.Run
    sleeping: int
    process: int
    retried: int
    continuous: int

    def log_of(self, run_id: int | None) -> str:
        return self.client.jobs.get_run_output(attempt_of(self.client.jobs.get_run(run_id or 0))).logs or ""

    def has_state(self, run_id: int | None, life_cycle: str) -> bool:
        return state_of(self.client.jobs.get_run(run_id or 0))[0] == life_cycle


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recovered]:
    scripts = tmp_path_factory.mktemp("scripts")
    for name, text in (("done", "print('kept')"), ("sleeps", _SLEEPS), ("sleeps_once", _SLEEPS_ONCE)):
        (scripts / name).write_text(text)
    directory = tmp_path_factory.mktemp("databricks")
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        unpaused = jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED)
        done = ended(client, started(client, job_of(client, task_of(str(scripts / "done")))))
        sleeping = started(client, job_of(client, task_of(str(scripts / "sleeps"))), idempotency_token="once")
        retried = started(client, job_of(client, task_of(str(scripts / "sleeps_once"), max_retries=1)))
        continuous = job_of(client, task_of(str(scripts / "sleeps")), continuous=unpaused)
        found = Recovered(server, client, directory, done, sleeping, 0, retried, continuous)
        wait_until(lambda: [state_of(run)[0] for run in client.jobs.list_runs(job_id=continuous)] == ["RUNNING"])
        wait_until((scripts / "sleeps_once.once").exists)
        wait_until(lambda: found.log_of(sleeping).endswith("\n"))
        found.process = int(found.log_of(sleeping))
        server.process.kill()
        wait_until(lambda: not psutil.pid_exists(found.process))
        server.restart()
        yield found


def test_a_run_whose_process_was_killed_has_failed(recovered: Recovered) -> None:
    run = ended(recovered.client, recovered.sleeping)
    assert state_of(run) == ("TERMINATED", "FAILED")
    assert run.as_dict()["status"]["termination_details"]["type"] == "INTERNAL_ERROR"


def test_jobs_runs_and_logs_are_kept(recovered: Recovered) -> None:
    assert recovered.log_of(recovered.sleeping).strip().isdigit()
    assert recovered.log_of(recovered.done.run_id) == "kept\n"
    assert {recovered.done.job_id, recovered.continuous} <= {job.job_id for job in recovered.client.jobs.list()}


def test_an_idempotency_token_still_stands_for_its_run(recovered: Recovered) -> None:
    job_id = recovered.client.jobs.get_run(recovered.sleeping).job_id or 0
    assert started(recovered.client, job_id, idempotency_token="once") == recovered.sleeping


def test_a_task_with_retries_left_is_retried(recovered: Recovered) -> None:
    assert state_of(ended(recovered.client, recovered.retried)) == ("TERMINATED", "SUCCESS")


def test_a_continuous_job_is_restarted(recovered: Recovered) -> None:
    wait_until(lambda: len(list(recovered.client.jobs.list_runs(job_id=recovered.continuous))) == 2)
    newest, oldest = recovered.client.jobs.list_runs(job_id=recovered.continuous)
    wait_until(lambda: recovered.has_state(newest.run_id, "RUNNING"))
    assert state_of(recovered.client.jobs.get_run(oldest.run_id or 0))[1] == "FAILED"


@pytest.fixture(scope="module")
def restarted(recovered: Recovered) -> Recovered:
    """The same server, stopped with SIGTERM and started again with options for all of the tests below."""
    client = recovered.client
    wait_until(lambda: len(list(client.jobs.list_runs(job_id=recovered.continuous))) == 2)
    newest, _ = client.jobs.list_runs(job_id=recovered.continuous)
    wait_until(lambda: bool(client.jobs.get_run(newest.run_id or 0).tasks))
    wait_until(lambda: recovered.log_of(newest.run_id).endswith("\n"))
    recovered.process = int(recovered.log_of(newest.run_id))
    recovered.server.process.send_signal(signal.SIGTERM)
    recovered.server.process.wait(60)
    options = ("--keep-days", "0", "--start-delay", "1", "--name", "databricks", "--url", "http://laptop:9999")
    recovered.server.restart(options)
    return recovered


def test_sigterm_ends_the_processes_of_all_tasks(restarted: Recovered) -> None:
    assert not psutil.pid_exists(restarted.process)


def test_further_host_names_are_accepted_if_configured(restarted: Recovered) -> None:
    """As in containers, where each service has a host name."""
    for name, status in (("databricks:8085", 200), ("laptop:9999", 200), ("evil.example", 403)):
        assert httpx.get(restarted.server.host, headers={"Host": name}).status_code == status


def test_old_runs_are_deleted_with_their_logs_and_active_ones_are_not(restarted: Recovered) -> None:
    log = restarted.directory / "logs" / f"{attempt_of(restarted.done)}.log"
    wait_until(lambda: restarted.done.run_id not in [run.run_id for run in restarted.client.jobs.list_runs()])
    wait_until(lambda: not log.exists())
    wait_until(lambda: len(list(restarted.client.jobs.list_runs(job_id=restarted.continuous, active_only=True))) == 1)


def test_a_run_waits_for_the_start_of_its_cluster(restarted: Recovered) -> None:
    run = ended(restarted.client, started(restarted.client, restarted.done.job_id or 0))
    assert (run.setup_duration or 0) >= 1000


def test_a_server_whose_engine_has_failed_ends_with_an_error(restarted: Recovered) -> None:
    with sqlite3.connect(restarted.directory / "databricks.db") as database:
        database.execute("DROP TABLE jobs")
    assert restarted.server.process.wait(timeout=60) == 1
    assert "no such table: jobs" in (restarted.directory / "databricks.log").read_text()
