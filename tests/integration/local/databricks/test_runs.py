"""Runs through `databricks-sdk`: parameters, outcomes, retries, cancellation, repair, lists."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from tests.harness.pipeline import wait_until
from tests.integration.local.databricks.conftest import attempt_of, cancelled, ended, job_of, started, state_of, task_of

Script = Callable[[str], str]
_SLEEPS = "import signal\nprint('begun', flush=True)\nsignal.pause()\n"


def run_to_end(client: WorkspaceClient, job_id: int, **given: object) -> jobs.Run:
    return ended(client, started(client, job_id, **given))


def output_of(client: WorkspaceClient, run: jobs.Run) -> jobs.RunOutput:
    return client.jobs.get_run_output(attempt_of(run))


def log_of(client: WorkspaceClient, run_id: int) -> str:
    run = client.jobs.get_run(run_id)
    return (output_of(client, run).logs or "") if run.tasks else ""


def test_a_script_runs_with_its_parameters_and_its_output_is_kept(client: WorkspaceClient, script: Script) -> None:
    path = script("import sys\nprint(sys.argv[1:])\nprint('and', file=sys.stderr)")
    run = run_to_end(client, job_of(client, task_of(path, parameters=["a", "{{job.name}}"]), name="a job"))
    assert state_of(run) == ("TERMINATED", "SUCCESS")
    assert run.as_dict()["status"]["termination_details"]["code"] == "SUCCESS"
    assert output_of(client, run).logs == "['a', 'a job']\nand\n"


def test_a_wheels_entry_point_runs_with_named_parameters(client: WorkspaceClient) -> None:
    wheel = jobs.PythonWheelTask("transaction-patterns", "chunker", named_parameters={"chunk-size": "5"})
    job_id = job_of(client, jobs.Task("main", python_wheel_task=wheel), parameters={"lake": "file:///x", "source": "y"})
    run_id = started(client, job_id, job_parameters={"source": "elsewhere"})
    run = ended(client, run_id)
    assert state_of(run) == ("TERMINATED", "FAILED")
    assert {p.name: (p.value, p.default) for p in run.job_parameters or []} == {
        "lake": ("file:///x", "file:///x"),
        "source": ("elsewhere", "y"),
    }
    assert "elsewhere is not an address of a store" in (output_of(client, run).logs or "")


def test_an_unknown_job_parameter_is_refused(client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("")), parameters={"day": "1"})
    with pytest.raises(InvalidParameterValue, match="night are not defined in the job; it has: day"):
        client.jobs.run_now(job_id, job_parameters={"night": "1"})


def test_parameters_of_run_now_replace_those_of_the_task(client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("import sys; print(sys.argv[1:])"), parameters=["a"]))
    run = run_to_end(client, job_id, python_params=["b", "c"])
    assert output_of(client, run).logs == "['b', 'c']\n"


def test_the_output_of_a_failed_run_has_error_and_traceback(client: WorkspaceClient, script: Script) -> None:
    run_id = started(client, job_of(client, task_of(script("raise ValueError('no such day')"))))
    run = ended(client, run_id)
    assert state_of(run) == ("TERMINATED", "FAILED")
    output = output_of(client, run)
    assert output.error == "ValueError: no such day"
    assert "Traceback" in (output.error_trace or "")


def test_an_idempotency_token_stands_for_one_run_however_it_ended(client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("raise SystemExit(3)")), max_concurrent_runs=5)
    first = started(client, job_id, idempotency_token="day-1")
    ended(client, first)
    assert started(client, job_id, idempotency_token="day-1") == first
    assert started(client, job_id, idempotency_token="day-2") != first
    client.jobs.delete_run(first)
    with pytest.raises(InvalidParameterValue, match="has been deleted"):
        client.jobs.run_now(job_id, idempotency_token="day-1")
    with pytest.raises(InvalidParameterValue, match="at most 64"):
        client.jobs.run_now(job_id, idempotency_token="x" * 65)


def test_concurrent_requests_with_one_token_create_one_run(client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("")), max_concurrent_runs=20)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(started(client, job_id, idempotency_token="same")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_run_beyond_max_concurrent_runs_is_queued_or_skipped(client: WorkspaceClient, script: Script) -> None:
    path = script(_SLEEPS)
    skipping = job_of(client, task_of(path))
    queueing = job_of(client, task_of(path), queue=True)
    first = {job_id: started(client, job_id) for job_id in (skipping, queueing)}
    second = {job_id: started(client, job_id) for job_id in (skipping, queueing)}
    skipped = client.jobs.get_run(second[skipping])
    assert state_of(skipped) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    assert client.jobs.get_run(second[queueing]).as_dict()["status"]["state"] == "QUEUED"
    client.jobs.cancel_all_runs(job_id=skipping)
    client.jobs.cancel_run(first[queueing])
    wait_until(lambda: state_of(client.jobs.get_run(second[queueing]))[0] == "RUNNING")
    client.jobs.cancel_run(second[queueing])
    wait_until(lambda: not list(client.jobs.list_runs(active_only=True, job_id=queueing)))


def test_a_task_is_retried_up_to_max_retries(client: WorkspaceClient, script: Script, tmp_path: Path) -> None:
    path = script(f"""
import pathlib, sys
tries = pathlib.Path({str(tmp_path / "tries")!r})
tries.open("a").write("x")
sys.exit(0 if len(tries.read_text()) == 3 else 1)
""")
    run = run_to_end(client, job_of(client, task_of(path, max_retries=3, min_retry_interval_millis=50)))
    assert state_of(run) == ("TERMINATED", "SUCCESS")
    assert run.as_dict()["tasks"][0]["attempt_number"] == 2
    assert (tmp_path / "tries").read_text() == "xxx"


@pytest.mark.parametrize(("again", "attempts"), [(False, 1), (True, 2)])
def test_a_timeout_ends_a_task_and_is_retried_only_with_retry_on_timeout(
    client: WorkspaceClient, script: Script, again: bool, attempts: int
) -> None:
    path = script(_SLEEPS)
    task = task_of(path, timeout_seconds=1, max_retries=1, retry_on_timeout=again)
    run_id = started(client, job_of(client, task))
    run = ended(client, run_id)
    assert state_of(run) == ("TERMINATED", "TIMEDOUT")
    assert run.as_dict()["tasks"][0]["attempt_number"] + 1 == attempts


def test_a_run_that_exceeds_the_timeout_of_its_job_is_timed_out(client: WorkspaceClient, script: Script) -> None:
    run_id = started(client, job_of(client, task_of(script(_SLEEPS)), timeout_seconds=1))
    ended(client, run_id)
    assert state_of(client.jobs.get_run(run_id)) == ("TERMINATED", "TIMEDOUT")


def test_cancelling_ends_all_processes_of_a_run_with_sigterm_first(
    client: WorkspaceClient, script: Script, tmp_path: Path
) -> None:
    child = script("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()")
    path = script(f"""
import pathlib, signal, subprocess, sys
def stop(*_):
    pathlib.Path({str(tmp_path / "stopped")!r}).write_text("SIGTERM")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen([sys.executable, {child!r}])
print(child.pid, flush=True)
signal.pause()
""")
    run_id = started(client, job_of(client, task_of(path)))
    wait_until(lambda: log_of(client, run_id).endswith("\n"))
    child_id = int(log_of(client, run_id))
    run = cancelled(client, run_id)
    assert state_of(run) == ("TERMINATED", "CANCELED")
    assert run.as_dict()["state"]["user_cancelled_or_timedout"]
    assert (tmp_path / "stopped").read_text() == "SIGTERM"
    wait_until(lambda: not psutil.pid_exists(child_id))


def test_a_run_that_ignores_sigterm_is_killed(client: WorkspaceClient, script: Script) -> None:
    path = script("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True)\nsignal.pause()")
    run_id = started(client, job_of(client, task_of(path)))
    wait_until(lambda: log_of(client, run_id) == "1\n")
    cancelled(client, run_id)
    assert state_of(client.jobs.get_run(run_id)) == ("TERMINATED", "CANCELED")


def test_tasks_wait_for_their_dependencies_and_are_skipped_after_a_failure(
    client: WorkspaceClient, script: Script
) -> None:
    good, bad = script("print('good')"), script("raise SystemExit(1)")
    tasks = [
        task_of(good, "first"),
        task_of(bad, "second", depends_on=[jobs.TaskDependency("first")]),
        task_of(good, "third", depends_on=[jobs.TaskDependency("second")]),
    ]
    run_id = started(client, job_of(client, *tasks))
    run = ended(client, run_id)
    assert [state_of(task)[1] for task in run.tasks or []] == ["SUCCESS", "FAILED", "UPSTREAM_FAILED"]
    with pytest.raises(InvalidParameterValue, match="multiple tasks"):
        client.jobs.get_run_output(run_id)


def test_a_repair_runs_failed_tasks_and_those_that_depend_on_them(
    client: WorkspaceClient, script: Script, tmp_path: Path
) -> None:
    fails_once = script(f"import pathlib, sys\nsys.exit(0 if pathlib.Path({str(tmp_path / 'ok')!r}).exists() else 1)")
    tasks = [
        task_of(script(""), "first"),
        task_of(fails_once, "second", depends_on=[jobs.TaskDependency("first")]),
        task_of(script(""), "third", depends_on=[jobs.TaskDependency("second")]),
    ]
    run_id = started(client, job_of(client, *tasks))
    ended(client, run_id)
    before = {task.task_key: task.run_id for task in client.jobs.get_run(run_id).tasks or []}
    (tmp_path / "ok").touch()
    repair: jobs.RepairRunResponse = client.jobs.repair_run(run_id, rerun_all_failed_tasks=True).response
    run = ended(client, run_id)
    assert state_of(run) == ("TERMINATED", "SUCCESS")
    after = {task.task_key: task.run_id for task in run.tasks or []}
    assert {key for key in after if after[key] != before[key]} == {"second", "third"}
    history = client.jobs.get_run(run_id, include_history=True).repair_history
    assert [item.id for item in history or []] == [None, repair.repair_id]
    with pytest.raises(InvalidParameterValue, match="latest repair"):
        client.jobs.repair_run(run_id, rerun_tasks=["third"])


def test_an_active_run_cannot_be_deleted_or_repaired(client: WorkspaceClient, script: Script) -> None:
    run_id = started(client, job_of(client, task_of(script(_SLEEPS))))
    with pytest.raises(BadRequest, match="is active and can't be deleted"):
        client.jobs.delete_run(run_id)
    with pytest.raises(BadRequest, match="only a run that has ended"):
        client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    cancelled(client, run_id)
    client.jobs.delete_run(run_id)
    with pytest.raises(ResourceDoesNotExist, match=f"Run {run_id} does not exist"):
        client.jobs.get_run(run_id)


def test_runs_are_listed_by_job_state_and_time_in_pages(client: WorkspaceClient, script: Script) -> None:
    path = script("")
    job_id = job_of(client, task_of(path))
    runs = [run_to_end(client, job_id) for _ in range(5)]
    ids = [run.run_id for run in reversed(runs)]
    assert [run.run_id for run in client.jobs.list_runs(job_id=job_id, limit=2)] == ids
    assert not list(client.jobs.list_runs(job_id=job_id, active_only=True))
    assert len(list(client.jobs.list_runs(job_id=job_id, completed_only=True))) == 5
    since = list(client.jobs.list_runs(job_id=job_id, start_time_from=runs[3].start_time))
    assert [run.run_id for run in since] == ids[:2]
    until = list(client.jobs.list_runs(job_id=job_id, start_time_to=(runs[3].start_time or 0) - 1))
    assert [run.run_id for run in until] == ids[2:]
    with pytest.raises(InvalidParameterValue, match="can't both be true"):
        list(client.jobs.list_runs(active_only=True, completed_only=True))


def test_a_submitted_run_runs_once_and_belongs_to_no_job(client: WorkspaceClient, script: Script) -> None:
    task = jobs.SubmitTask("main", spark_python_task=jobs.SparkPythonTask(script("print(7)")))
    run = client.jobs.submit(run_name="once", tasks=[task], idempotency_token="once").result(timedelta(seconds=60))
    assert (run.run_name, run.run_type) == ("once", jobs.RunType.SUBMIT_RUN)
    assert output_of(client, run).logs == "7\n"
    assert client.jobs.submit(run_name="once", tasks=[task], idempotency_token="once").run_id == run.run_id


def test_the_log_of_a_run_can_be_exported(client: WorkspaceClient, script: Script) -> None:
    run = run_to_end(client, job_of(client, task_of(script("print('<b>')"))))
    [view] = client.jobs.export_run(run.run_id or 0).views or []
    assert "&lt;b&gt;" in (view.content or "")


def test_a_task_gets_the_environment_variables_of_its_cluster(client: WorkspaceClient, script: Script) -> None:
    cluster = jobs.JobCluster("shared", ClusterSpec(spark_env_vars={"DAY": "monday"}, spark_version="x", num_workers=0))
    task = task_of(script("import os; print(os.environ['DAY'])"), job_cluster_key="shared")
    job_id = client.jobs.create(name="cluster", tasks=[task], job_clusters=[cluster]).job_id or 0
    assert output_of(client, run_to_end(client, job_id)).logs == "monday\n"
