"""The pages that `run_page_url` opens."""

from collections.abc import Callable

import httpx
from databricks.sdk import WorkspaceClient

from local.databricks.server import LocalDatabricks
from tests.local.databricks.conftest import attempt_of, ended, job_of, started, task_of

Script = Callable[[str], str]


def test_the_page_of_a_run_shows_it_and_leads_to_its_job(
    server: LocalDatabricks, client: WorkspaceClient, script: Script
) -> None:
    job_id = job_of(client, task_of(script("print('said')")), name="<shown>", parameters={"day": "monday"})
    run = ended(client, started(client, job_id))
    page = httpx.get(run.run_page_url or "")
    assert page.status_code == 200
    assert "&lt;shown&gt;" in page.text
    assert "<shown>" not in page.text
    for shown in ("SUCCESS", "day", "monday", "main", f'href="/jobs/{job_id}"'):
        assert shown in page.text
    log = httpx.get(f"{server.host}/logs/{attempt_of(run)}", params={"from": 2})
    assert (log.text, log.headers["X-Next"], log.headers["X-More"]) == ("id\n", "5", "false")


def test_jobs_and_runs_are_listed_with_links(server: LocalDatabricks, client: WorkspaceClient, script: Script) -> None:
    job_id = job_of(client, task_of(script("")), name="listed")
    run = ended(client, started(client, job_id))
    for page in (httpx.get(f"{server.host}/"), httpx.get(f"{server.host}/jobs/{job_id}")):
        assert page.status_code == 200
        assert "listed" in page.text
        assert f'href="/jobs/{job_id}/runs/{run.run_id}"' in page.text


def test_a_page_of_what_is_not_there_says_so(server: LocalDatabricks) -> None:
    assert "Job 5 does not exist" in httpx.get(f"{server.host}/jobs/5").text
    assert "Run 5 does not exist" in httpx.get(f"{server.host}/jobs/5/runs/5").text
    assert "Run 5 does not exist" in httpx.get(f"{server.host}/logs/5").text
