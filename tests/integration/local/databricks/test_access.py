"""Authentication, host names, and the errors for invalid requests."""

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local.databricks.server import LocalDatabricks
from tests.integration.local.databricks.conftest import ended, job_of, started, task_of


def send(server: LocalDatabricks, method: str, path: str, **given: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.token}", **(given.pop("headers", None) or {})}  # type: ignore[dict-item]
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


@pytest.mark.parametrize(
    "headers",
    [
        # As from the script of a web page whose host name resolves to this machine (DNS rebinding).
        {"Host": "evil.example:8085"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/2.1/jobs/list", "/.well-known/databricks-config"])
def test_a_request_of_a_foreign_web_page_is_refused_even_with_the_token(
    server: LocalDatabricks, path: str, headers: dict[str, str]
) -> None:
    answer = send(server, "GET", path, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_form_of_a_foreign_web_page_runs_nothing(server: LocalDatabricks, client: WorkspaceClient) -> None:
    job_id = job_of(client, task_of("/x.py"))
    headers = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
    answer = send(server, "POST", "/api/2.1/jobs/run-now", headers=headers, json={"job_id": job_id})
    assert answer.status_code == 403
    assert not list(client.jobs.list_runs(job_id=job_id))


def test_a_link_to_a_page_can_be_followed_from_airflow(server: LocalDatabricks) -> None:
    port = server.host.rpartition(":")[2]
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for site in ("none", "same-site", "cross-site"):
        assert httpx.get(f"http://localhost:{port}/", headers={"Sec-Fetch-Site": site, **link}).status_code == 200


@pytest.mark.parametrize("run", ["..%2F..%2Fetc%2Fpasswd", "../../../etc/passwd", "1%00", "%2Fetc%2Fpasswd"])
def test_no_file_can_be_reached_through_the_id_of_a_run(server: LocalDatabricks, run: str) -> None:
    for path in (f"/jobs/1/runs/{run}", f"/api/2.1/jobs/runs/get-output?run_id={run}"):
        answer = send(server, "GET", path)
        assert answer.status_code in (400, 404, 422), path
        assert "root:" not in answer.text


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
