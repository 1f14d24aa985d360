"""Decisions of the local Databricks without processes, as tables."""

import pytest

from local.databricks import transitions
from local.databricks.model import Attempt, Json, Run, State
from local.databricks.parameters import command_line
from local.databricks.restarts import Restarts, restart_delay


def attempt(result: str | None, *, number: int = 0, key: str = "a") -> Attempt:
    state = State("TERMINATED", result, "RUN_EXECUTION_ERROR") if result else State("RUNNING")
    return Attempt(1, key, number, created=0, due=0, state=state, started=100, ended=1000 if result else None)


def run_of(*tasks: Json, attempts: tuple[Attempt, ...] = (), **values: object) -> Run:
    settings = {"name": "job", "tasks": list(tasks), **values}
    return Run(7, 5, 1, "JOB_RUN", "ONE_TIME", settings, {"day": "monday"}, {}, 0, "me", attempts=list(attempts))


@pytest.mark.parametrize(
    ("task", "result", "number", "due"),
    [
        ({}, "FAILED", 0, None),
        ({"max_retries": 1}, "FAILED", 0, 1000),
        ({"max_retries": 1}, "FAILED", 1, None),
        ({"max_retries": -1}, "FAILED", 99, 1000),
        ({"max_retries": 1, "min_retry_interval_millis": 500}, "FAILED", 0, 1500),
        ({"max_retries": 1}, "TIMEDOUT", 0, None),
        ({"max_retries": 1, "retry_on_timeout": True}, "TIMEDOUT", 0, 1000),
        ({"max_retries": 1}, "CANCELED", 0, None),
        ({"max_retries": 1}, "SUCCESS", 0, None),
    ],
)
def test_retry_due(task: Json, result: str, number: int, due: int | None) -> None:
    assert transitions.retry_due(task, attempt(result, number=number)) == due


@pytest.mark.parametrize(
    ("stop_reason", "exit_code", "result", "message"),
    [
        (None, 0, "SUCCESS", ""),
        (None, 3, "FAILED", "The process ended with exit code 3."),
        (None, -9, "FAILED", "The process was killed by signal 9."),
        ("CANCELED", 0, "CANCELED", "Run cancelled."),
        ("TIMEDOUT", -15, "TIMEDOUT", "The task exceeded its timeout."),
        ("CANCELED", None, "CANCELED", "Run cancelled."),
    ],
)
def test_the_result_of_an_attempt_is_that_of_its_process_unless_it_was_stopped(
    stop_reason: str | None, exit_code: int | None, result: str, message: str
) -> None:
    ended = attempt(None)
    ended.stop_reason, ended.exit_code = stop_reason, exit_code
    assert transitions.result_of_attempt(ended)[::2] == (result, message)


def test_a_continuous_job_backs_off_after_a_failure_until_reset() -> None:
    restarts = Restarts()
    assert restarts.is_due(5, 0)
    assert restarts.trigger(5) == "CONTINUOUS"
    run = run_of()
    run.state, run.ended = State("TERMINATED", "FAILED"), 1000
    restarts.run_ended(run)
    assert (restarts.is_due(5, 1999), restarts.is_due(5, 2000)) == (False, True)
    assert restarts.trigger(5) == "CONTINUOUS_RESTART"
    run.state.result = "SUCCESS"
    restarts.run_ended(run)
    assert restarts.is_due(5, 1000)
    restarts.reset(5)
    assert restarts.trigger(5) == "CONTINUOUS"


@pytest.mark.parametrize(("failures", "millis"), [(0, 0), (1, 1000), (2, 2000), (4, 8000), (7, 60_000), (99, 60_000)])
def test_restart_delay_doubles_with_each_failure(failures: int, millis: int) -> None:
    assert restart_delay(failures) == millis


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (("SUCCESS", "SUCCESS"), "SUCCESS"),
        (("SUCCESS", None), None),
        (("SUCCESS", "FAILED"), "FAILED"),
        (("TIMEDOUT", "UPSTREAM_FAILED"), "TIMEDOUT"),
    ],
)
def test_the_result_of_a_run_is_that_of_the_first_task_that_failed(
    results: tuple[str | None, ...], expected: str | None
) -> None:
    attempts = tuple(attempt(result, key=str(key)) for key, result in enumerate(results))
    run = run_of(*({"task_key": str(key)} for key in range(len(results))), attempts=attempts)
    outcome = transitions.result_of(run)
    assert (outcome[0] if outcome else None) == expected


@pytest.mark.parametrize(
    ("wheel", "overriding", "expected"),
    [
        ({"parameters": ["{{job.parameters.day}}", "{{unknown}}"]}, {}, ["monday", "{{unknown}}"]),
        ({"parameters": ["a"]}, {"python_params": ["b"]}, ["b"]),
        ({"named_parameters": {"lake": "x"}}, {}, ["--lake=x", "--day=monday"]),
        ({"named_parameters": {"day": "x"}}, {}, ["--day=monday"]),
        ({"named_parameters": {"lake": "x"}}, {"python_named_params": {"lake": "y"}}, ["--lake=y", "--day=monday"]),
        ({"named_parameters": {"run": "{{job.id}}/{{ job.run_id }}"}}, {}, ["--run=5/7", "--day=monday"]),
    ],
)
def test_the_command_line_of_a_task(wheel: Json, overriding: Json, expected: list[str]) -> None:
    task = {"task_key": "a", "python_wheel_task": {"package_name": "p", "entry_point": "e", **wheel}}
    run = run_of(task)
    run.overriding = overriding
    assert command_line(run, task, attempt(None)) == expected
