"""What survives the server's own end."""

import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service import jobs

from local.databricks.server import local_databricks
from tests.harness.pipeline import wait_until
from tests.local.databricks.conftest import attempt_of, client_of, ended, job_of, started, state_of, task_of

Script = Callable[[str], str]
_LIVES = "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_server_and_its_run_is_marked_as_failed(
    tmp_path: Path, script: Script, end: signal.Signals
) -> None:
    directory = tmp_path / "databricks"
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        job_id = job_of(client, task_of(script(_LIVES)), name="lives")
        kept = job_of(client, task_of(script("print('kept')")), name="done")
        done = ended(client, started(client, kept))
        run_id = started(client, job_id, idempotency_token="once")
        wait_until(lambda: bool(client.jobs.get_run(run_id).tasks))
        attempt = attempt_of(client.jobs.get_run(run_id))
        wait_until(lambda: (client.jobs.get_run_output(attempt).logs or "").endswith("\n"))
        process = int(client.jobs.get_run_output(attempt).logs or 0)
        server.process.send_signal(end)
        wait_until(lambda: not psutil.pid_exists(process))
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        ended(client, run_id)
        run = client.jobs.get_run(run_id)
        assert state_of(run) == ("TERMINATED", "FAILED")
        assert run.status
        assert run.status.termination_details
        assert run.status.termination_details.type == jobs.TerminationTypeType.INTERNAL_ERROR
        assert client.jobs.get_run_output(attempt).logs == f"{process}\n"
        assert client.jobs.get_run_output(attempt_of(done)).logs == "kept\n"
        assert {job.job_id for job in client.jobs.list()} == {job_id, done.job_id}
        assert run_id == started(client, job_id, idempotency_token="once")


def test_a_task_that_may_be_tried_again_is_tried_again_after_the_server_came_back(
    tmp_path: Path, script: Script
) -> None:
    directory = tmp_path / "databricks"
    path = script(
        f"import pathlib, signal\nonce = pathlib.Path({str(tmp_path / 'once')!r})\n"
        "if not once.exists():\n    once.touch()\n    signal.pause()"
    )
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        run_id = started(client, job_of(client, task_of(path, max_retries=1)))
        wait_until((tmp_path / "once").exists)
        server.process.kill()
    with local_databricks(directory, {}) as server:
        run = ended(client_of(server), run_id)
        assert state_of(run) == ("TERMINATED", "SUCCESS")


def test_a_continuous_job_goes_on_when_the_server_comes_back(tmp_path: Path, script: Script) -> None:
    directory = tmp_path / "databricks"
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        continuous = jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED)
        job_id = job_of(client, task_of(script(_LIVES)), continuous=continuous)
        wait_until(lambda: [state_of(run)[0] for run in client.jobs.list_runs(job_id=job_id)] == ["RUNNING"])
        server.process.kill()
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        wait_until(lambda: len(list(client.jobs.list_runs(job_id=job_id))) == 2)
        newest, oldest = client.jobs.list_runs(job_id=job_id)
        wait_until(lambda: state_of(client.jobs.get_run(newest.run_id or 0))[0] == "RUNNING")
        assert state_of(client.jobs.get_run(oldest.run_id or 0))[1] == "FAILED"


def test_a_run_waits_for_the_clusters_start(tmp_path: Path, script: Script) -> None:
    with local_databricks(tmp_path / "databricks", {}, arguments=["--start-delay", "1"]) as server:
        client = client_of(server)
        run = ended(client, started(client, job_of(client, task_of(script("")))))
        assert (run.setup_duration or 0) >= 1000


def test_old_runs_are_forgotten_with_their_logs_and_live_ones_are_not(tmp_path: Path, script: Script) -> None:
    directory = tmp_path / "databricks"
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        over = ended(client, started(client, job_of(client, task_of(script("print('done')")))))
        continuous = jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED)
        job_id = job_of(client, task_of(script(_LIVES)), continuous=continuous)
        wait_until(lambda: [state_of(run)[0] for run in client.jobs.list_runs(job_id=job_id)] == ["RUNNING"])
        assert (directory / "logs" / f"{attempt_of(over)}.log").exists()
        server.restart(["--keep-days", "0"])
        wait_until(lambda: over.run_id not in [run.run_id for run in client.jobs.list_runs()])
        wait_until(lambda: not (directory / "logs" / f"{attempt_of(over)}.log").exists())
        wait_until(lambda: len(list(client.jobs.list_runs(job_id=job_id, active_only=True))) == 1)


def test_a_server_whose_engine_has_failed_ends_and_says_why(tmp_path: Path) -> None:
    directory = tmp_path / "databricks"
    with local_databricks(directory, {}) as server:
        with sqlite3.connect(directory / "databricks.db") as database:
            database.execute("DROP TABLE jobs")
        assert server.process.wait(timeout=60) == 1
    assert "no such table: jobs" in (directory / "databricks.log").read_text()
