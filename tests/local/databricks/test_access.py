"""Authentication, host names, and the errors for invalid requests."""

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local.databricks.server import LocalDatabricks
from tests.local.databricks.conftest import ended, job_of, started, task_of


def send(server: LocalDatabricks, method: str, path: str, **given: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.token}"}
    return httpx.request(method, f"{server.host}{path}", headers=headers, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Basic abc"}, 401), ({"Authorization": "Bearer wrong"}, 403)],
)
def test_a_request_without_the_token_is_refused(server: LocalDatabricks, headers: dict[str, str], status: int) -> None:
    for path in ("/api/2.1/jobs/list", "/api/2.2/jobs/runs/list", "/api/2.0/preview/scim/v2/Me"):
        answer = httpx.get(f"{server.host}{path}", headers=headers)
        assert answer.status_code == status
        assert answer.json()["error_code"] == status


@pytest.mark.parametrize("path", ["/", "/api/2.1/jobs/list"])
def test_a_request_to_an_unknown_host_name_is_refused(server: LocalDatabricks, path: str) -> None:
    """As the script of a web page would send it whose host name resolves to this machine (DNS rebinding)."""
    port = server.host.rpartition(":")[2]
    headers = {"Host": f"evil.example:{port}", "Authorization": f"Bearer {server.token}"}
    assert httpx.get(f"{server.host}{path}", headers=headers).status_code == 400
    assert httpx.get(f"http://localhost:{port}/").status_code == 200


def test_get_parameters_are_read_from_the_query_and_from_a_json_body(
    server: LocalDatabricks, client: WorkspaceClient
) -> None:
    job_id = job_of(client, task_of("/x.py"))
    by_query = send(server, "GET", "/api/2.1/jobs/get", params={"job_id": job_id})
    by_body = send(server, "GET", "/api/2.1/jobs/get", json={"job_id": job_id})
    assert by_query.json() == by_body.json()
    assert by_query.json()["job_id"] == job_id


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code", "message"),
    [
        ("GET", "jobs/get", {}, 400, "INVALID_PARAMETER_VALUE", "Missing required field: job_id"),
        (
            "GET",
            "jobs/get",
            {"params": {"job_id": "x"}},
            400,
            "INVALID_PARAMETER_VALUE",
            "job_id: Input should be a valid integer",
        ),
        ("GET", "jobs/get", {"params": {"job_id": 5}}, 400, "INVALID_PARAMETER_VALUE", "Job 5 does not exist"),
        ("GET", "jobs/runs/get", {"params": {"run_id": 5}}, 400, "INVALID_PARAMETER_VALUE", "Run 5 does not exist"),
        (
            "GET",
            "jobs/list",
            {"params": {"limit": 101}},
            400,
            "INVALID_PARAMETER_VALUE",
            "limit: Input should be less than or equal to 100, got '101'.",
        ),
        ("GET", "jobs/list", {"params": {"page_token": "?"}}, 400, "INVALID_PARAMETER_VALUE", "Invalid page token"),
        ("POST", "jobs/create", {"content": b"{"}, 400, "MALFORMED_REQUEST", "Invalid JSON"),
        ("POST", "jobs/create", {"content": b"[]"}, 400, "MALFORMED_REQUEST", "must be a JSON object"),
        ("POST", "jobs/create", {"json": {"tasks": "x"}}, 400, "MALFORMED_REQUEST", "tasks"),
        ("GET", "jobs/nothing", {}, 404, "ENDPOINT_NOT_FOUND", "No API found for 'GET /api/2.1/jobs/nothing'"),
    ],
)
def test_an_invalid_request_is_answered_with_the_reason(
    server: LocalDatabricks,
    method: str,
    path: str,
    given: dict[str, object],
    status: int,
    code: str,
    message: str,
) -> None:
    answer = send(server, method, f"/api/2.1/{path}", **given)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert message in answer.json()["message"]


def test_the_current_user_is_the_owner_of_the_token(client: WorkspaceClient) -> None:
    assert client.current_user.me().user_name == "local"


def test_responses_carry_the_workspace_id(server: LocalDatabricks, client: WorkspaceClient) -> None:
    assert client.get_workspace_id() == 0
    assert send(server, "GET", "/api/2.1/jobs/list").headers["X-Databricks-Org-Id"] == "0"


def test_both_versions_of_the_api_return_the_same_run(server: LocalDatabricks, client: WorkspaceClient) -> None:
    wheel = jobs.PythonWheelTask("transaction-patterns", "nothing")
    run_id = started(client, job_of(client, jobs.Task("main", python_wheel_task=wheel)))
    ended(client, run_id)
    old = send(server, "GET", "/api/2.1/jobs/runs/get", params={"run_id": run_id})
    new = send(server, "GET", "/api/2.2/jobs/runs/get", params={"run_id": run_id})
    assert old.json() == new.json()
    assert old.json()["status"]["state"] == "TERMINATED"
