"""Which failures of a job's run rule out a retry."""

import json
from typing import Any

import pytest

from orchestration.job_runs import find_permanent_error, permanent_error

EVENT = json.dumps({"event": "the file shrank", "retryable": False})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"error": "SystemExit: 70", "logs": f"started\n{EVENT}\n"}, "the file shrank"),
        ({"error": "SystemExit: 70", "logs": "started\n"}, "SystemExit: 70"),
        ({"error": "SystemExit: 70", "logs": f"{EVENT[:-3]}"}, "SystemExit: 70"),
        ({"error": "SystemExit: 70"}, "SystemExit: 70"),
        ({"error": "SystemExit: 2", "logs": "usage: chunker"}, "SystemExit: 2"),
        ({"error": "SystemExit: 75", "logs": EVENT}, None),
        ({"error": "SystemExit: 700"}, None),
        ({"error": "SystemExit: 1"}, None),
        ({"error": "OSError: no Java"}, None),
        ({"error": None}, None),
        ({}, None),
    ],
    ids=str,
)
def test_exit_codes_70_and_2_are_permanent(output: dict[str, Any], expected: str | None) -> None:
    assert permanent_error(output) == expected


def task(run_id: int, result: str, attempt: int = 0) -> dict[str, Any]:
    return {"task_key": "main", "run_id": run_id, "attempt_number": attempt, "state": {"result_state": result}}


class Runs:
    """One run, whose failed task runs with odd ids failed permanently."""

    def __init__(self, *tasks: dict[str, Any]) -> None:
        self._tasks = tasks

    def get_run(self, run_id: int) -> dict[str, Any]:
        return {"run_id": run_id, "tasks": list(self._tasks)}

    def get_run_output(self, run_id: int) -> dict[str, Any]:
        return {"error": "SystemExit: 70" if run_id % 2 else "SystemExit: 75"}


@pytest.mark.parametrize(
    ("tasks", "permanent"),
    [
        ([task(1, "FAILED")], True),
        ([task(2, "FAILED")], False),
        ([task(1, "CANCELED")], False),
        ([task(1, "SUCCESS")], False),
        ([task(2, "FAILED", 0), task(3, "FAILED", 1)], True),
        ([task(3, "FAILED", 0), task(4, "FAILED", 1)], False),
        ([task(3, "FAILED", 1), task(2, "FAILED", 0)], True),
        ([], False),
    ],
)
def test_the_last_attempt_of_a_task_counts(tasks: list[dict[str, Any]], permanent: bool) -> None:
    assert (find_permanent_error(Runs(*tasks), 7) is not None) == permanent
