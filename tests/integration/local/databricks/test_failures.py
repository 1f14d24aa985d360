"""Permanent failures of jobs, as `make run` reports them."""

import json
from collections.abc import Callable

from databricks.sdk import WorkspaceClient

from local.failures import PermanentFailures
from tests.integration.local.databricks.conftest import ended, job_of, started, task_of


def failing(code: int, event: str) -> str:
    line = json.dumps({"event": event, "retryable": code != 70})
    return f"import sys\nprint({line!r}, file=sys.stderr)\nsys.exit({code})"


def test_an_unexpected_error_is_reported_at_its_third_occurrence(
    client: WorkspaceClient, script: Callable[[str], str]
) -> None:
    detector = job_of(client, task_of(script("raise OSError('no Java')")))
    failures = PermanentFailures(client, {"detector": detector})
    for now in (0, 2):
        ended(client, started(client, detector))
        assert list(failures.poll(now)) == []
    run = ended(client, started(client, detector))
    assert list(failures.poll(4)) == [f"detector: OSError: no Java\nlog: {run.run_page_url}"]
    ended(client, started(client, detector))
    assert list(failures.poll(6)) == []


def test_a_permanent_error_is_reported_once_with_the_jobs_own_message(
    client: WorkspaceClient, script: Callable[[str], str]
) -> None:
    chunker = job_of(client, task_of(script(failing(70, "mine.csv became shorter"))))
    detector = job_of(client, task_of(script(failing(75, "S3 did not answer"))))
    failures = PermanentFailures(client, {"chunker": chunker, "detector": detector})
    assert list(failures.poll(0)) == []
    run = ended(client, started(client, chunker))
    ended(client, started(client, detector))
    assert list(failures.poll(1)) == []
    assert list(failures.poll(2)) == [f"chunker: mine.csv became shorter\nlog: {run.run_page_url}"]
    ended(client, started(client, chunker))
    assert list(failures.poll(4)) == []
