"""The start page, and the pages that `run_page_url` opens."""

from collections.abc import Callable

import httpx
from databricks.sdk import WorkspaceClient

from local.databricks.server import LocalDatabricks
from tests.integration.local.databricks.conftest import ended, job_of, started, task_of

Script = Callable[[str], str]


def test_the_start_page_leads_to_the_page_of_a_run_with_its_log(
    server: LocalDatabricks, client: WorkspaceClient, script: Script
) -> None:
    job_id = job_of(client, task_of(script("print('a line of output')")), name="<shown>", parameters={"day": "monday"})
    run = ended(client, started(client, job_id))
    start = httpx.get(server.host).raise_for_status().text
    assert f'href="/jobs/{job_id}/runs/{run.run_id}"' in start
    assert run.run_page_url == f"{server.host}/jobs/{job_id}/runs/{run.run_id}"
    page = httpx.get(run.run_page_url).raise_for_status().text
    for shown in ("&lt;shown&gt;", "SUCCESS", "day", "monday", "main", "a line of output"):
        assert shown in page
    assert "<shown>" not in start + page


def test_the_page_of_an_unknown_run_says_so(server: LocalDatabricks) -> None:
    assert "Run 5 does not exist" in httpx.get(f"{server.host}/jobs/5/runs/5").text
