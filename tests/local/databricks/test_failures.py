"""What `make run` tells of jobs that have failed for good."""

import json
from collections.abc import Callable

from databricks.sdk import WorkspaceClient

from local.failures import PermanentFailures
from tests.local.databricks.conftest import ended, job_of, started, task_of


def failing(code: int, event: str) -> str:
    line = json.dumps({"event": event, "retryable": code != 70})
    return f"import sys\nprint({line!r}, file=sys.stderr)\nsys.exit({code})"


def test_an_error_that_a_job_does_not_know_is_told_when_it_comes_for_the_third_time(
    client: WorkspaceClient, script: Callable[[str], str]
) -> None:
    detector = job_of(client, task_of(script("raise OSError('no Java')")))
    failures = PermanentFailures(client, {"detector": detector})
    for now in (0, 2):
        ended(client, started(client, detector))
        assert list(failures.look(now)) == []
    run = ended(client, started(client, detector))
    assert list(failures.look(4)) == [f"detector: OSError: no Java\nits log: {run.run_page_url}"]
    ended(client, started(client, detector))
    assert list(failures.look(6)) == []


def test_a_failure_that_only_somebody_can_mend_is_told_once_in_the_jobs_own_words(
    client: WorkspaceClient, script: Callable[[str], str]
) -> None:
    chunker = job_of(client, task_of(script(failing(70, "mine.csv became shorter"))))
    detector = job_of(client, task_of(script(failing(75, "S3 did not answer"))))
    failures = PermanentFailures(client, {"chunker": chunker, "detector": detector})
    assert list(failures.look(0)) == []
    run = ended(client, started(client, chunker))
    ended(client, started(client, detector))
    assert list(failures.look(1)) == []
    assert list(failures.look(2)) == [f"chunker: mine.csv became shorter\nits log: {run.run_page_url}"]
    ended(client, started(client, chunker))
    assert list(failures.look(4)) == []
