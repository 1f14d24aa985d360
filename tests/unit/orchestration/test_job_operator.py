"""How the operator starts, continues and fails runs, with Databricks replaced by a table of runs."""

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from structlog.testing import capture_logs

from orchestration.job_operator import JobOperator

ENDED = {"life_cycle_state": "TERMINATED"}


class Databricks:
    """The part of the hook that the operator uses; each run ends with the next of `outcomes`."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.runs: dict[int, str] = {}
        self.polls_while_active = 0

    def find_job_id_by_name(self, name: str) -> int:
        assert name == "chunker"
        return 1

    def run_now(self, json: dict[str, Any]) -> int:
        assert json["job_id"] == 1
        self.runs[len(self.runs) + 1] = self.outcomes[len(self.runs)]
        return len(self.runs)

    def get_run(self, run_id: int) -> dict[str, Any]:
        if self.polls_while_active:
            self.polls_while_active -= 1
            return {"state": {"life_cycle_state": "RUNNING"}}
        result = "SUCCESS" if self.runs[run_id] == "SUCCESS" else "FAILED"
        state = {**ENDED, "result_state": result, "state_message": ""}
        return {"state": state, "tasks": [{"task_key": "main", "run_id": run_id, "state": state}]}

    def get_run_output(self, run_id: int) -> dict[str, Any]:
        return {"error": self.runs[run_id], "logs": '{"event": "it shrank", "retryable": false}'}

    def get_run_page_url(self, run_id: int) -> str:
        return f"http://databricks/{run_id}"


class TaskState(dict[str, Any]):
    """Airflow's `task_state_store`, which a cleared task keeps."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def try_once(databricks: Databricks, state: TaskState) -> None:
    with DAG("d", schedule=None):
        operator = JobOperator(task_id="t", job_name="chunker", do_xcom_push=False, polling_period_seconds=0)
    operator.__dict__["_hook"] = databricks
    operator.execute({"task_state_store": state})  # type: ignore[typeddict-item]


def test_clearing_a_task_that_succeeded_starts_a_new_run() -> None:
    databricks, state = Databricks("SUCCESS", "SUCCESS"), TaskState()
    for runs in (1, 2):
        try_once(databricks, state)
        assert len(databricks.runs) == runs


def test_a_task_whose_worker_died_continues_to_wait_for_its_run() -> None:
    databricks, state = Databricks("SUCCESS"), TaskState(databricks_run_now_id=1)
    databricks.run_now({"job_id": 1})
    databricks.polls_while_active = 1
    try_once(databricks, state)
    assert len(databricks.runs) == 1


def test_a_run_logs_its_url_and_each_state_once_however_often_it_is_polled() -> None:
    databricks, state = Databricks("SUCCESS"), TaskState()
    databricks.polls_while_active = 50
    with capture_logs() as logged:
        try_once(databricks, state)
    lines = [line["event"] % line.get("positional_args", ()) for line in logged if line["log_level"] == "info"]
    assert sum("http://databricks/1" in line for line in lines) == 1
    assert sum("RUNNING" in line for line in lines) == 1
    assert len(lines) <= 5, lines


@pytest.mark.parametrize("code", [70, 2])
def test_a_permanent_failure_is_not_retried_and_has_the_jobs_own_words(code: int) -> None:
    with pytest.raises(AirflowFailException, match="job chunker, run 1, failed permanently: it shrank"):
        try_once(Databricks(f"SystemExit: {code}"), TaskState())


@pytest.mark.parametrize("error", ["SystemExit: 75", "OSError: no Java", "Cluster terminated: out of capacity"])
def test_any_other_failure_is_retried_with_a_new_run(error: str) -> None:
    databricks, state = Databricks(error, "SUCCESS"), TaskState()
    with pytest.raises(AirflowException) as failed:
        try_once(databricks, state)
    assert not isinstance(failed.value, AirflowFailException)
    try_once(databricks, state)
    assert list(databricks.runs) == [1, 2]


def test_each_try_has_its_own_token_of_at_most_64_characters() -> None:
    with DAG("d", schedule=None):
        operator = JobOperator(task_id="t", job_name="chunker")
    # Airflow replaces the id of a task instance before each try; it is a UUID.
    assert operator.idempotency_token == "{{ ti.id }}"
