"""Posted questions: what is refused, and that no URL and no access log has them."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog
import uvicorn
from airflow.api_fastapi.common.http_access_log import HttpAccessLogMiddleware
from fastapi import FastAPI
from fastapi.routing import APIRoute

from local.ports import free_port
from tests.unit.pattern_page.conftest import Page

QUESTIONS = ("/api/detections", "/api/detections.csv", "/api/merchants", "/api/merchants/history", "/api/explain")
CUSTOMER = "C-that-must-not-be-logged"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def page() -> Page:
    """A page without a lake."""
    return Page(lambda: {"chunksize": 1})


@pytest.mark.parametrize("path", QUESTIONS[:3])
def test_a_question_is_answered(page: Page, path: str) -> None:
    assert page.client.post(path, json={}).status_code == 200


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_questions_are_only_posted(page: Page, method: str, path: str) -> None:
    assert page.client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    ],
)
@pytest.mark.parametrize("path", QUESTIONS)
def test_other_websites_cannot_ask(page: Page, path: str, headers: dict[str, str]) -> None:
    answer = page.client.post(path, json={}, headers=headers)
    assert (answer.status_code, "another website" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
        # Behind a proxy that has another name.
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://airflow.example"},
        {"Origin": "https://airflow.example", "X-Forwarded-Host": "airflow.example"},
    ],
)
def test_the_page_itself_can_ask(page: Page, headers: dict[str, str]) -> None:
    assert page.client.post("/api/detections", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_of_other_websites_are_refused(page: Page, content_type: str) -> None:
    answer = page.client.post("/api/detections", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/api/detections", {"merchant": "x" * 201}, "merchant"),
        ("/api/detections", {"before": -1}, "before"),
        ("/api/detections", {"before": 10**30}, "before"),
        ("/api/detections", {"before": "1"}, "before"),
        ("/api/detections", {"surname": "x"}, "surname"),
        ("/api/merchants", {"sort": "raw"}, "sort"),
        ("/api/merchants", {"sort": "merchant\0"}, "sort"),
        ("/api/merchants", {"sort": "merchant\n"}, "sort"),
        ("/api/merchants", {"order": "up"}, "order"),
        ("/api/merchants", {"offset": -1}, "offset"),
        ("/api/merchants", {"offset": 2**63}, "offset"),
        ("/api/merchants", {"offset": 1.5}, "offset"),
        ("/api/merchants/history", {}, "merchant"),
        ("/api/explain", {"customer": "C1"}, "merchant"),
        ("/api/explain", {"merchant": ""}, "merchant"),
        ("/api/explain", {"merchant": "M1", "customer": "x" * 201}, "customer"),
        ("/api/detections", [], "question"),
        ("/api/detections", None, "question"),
    ],
)
def test_invalid_questions_are_refused_and_the_field_is_named(page: Page, path: str, body: Any, named: str) -> None:
    answer = page.client.post(path, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"merchant": "\xff\xfe"}',
        b'{"merchant": "\\ud800"}',
        b'{"\\ud800": ""}',
        b'{"before": 1e999}',
        b'{"before": ' + b"9" * 10_000 + b"}",
        b'{"before": NaN}',
        b"[" * 10_000,
        b"\x00",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_malformed_questions_are_refused(page: Page, body: bytes) -> None:
    assert page.client.post("/api/detections", content=body, headers=JSON).status_code == 422


def test_a_long_body_is_not_read(page: Page) -> None:
    read, sent = 0, []

    async def endless() -> MutableMapping[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"testserver")]
    scope = {"type": "http", "method": "POST", "path": "/api/detections", "query_string": b"", "headers": headers}

    async def request() -> None:
        await page.client.app(scope, endless, send)

    asyncio.run(request())
    assert sent[0]["status"] == 413
    assert read < 20


@pytest.mark.parametrize(
    "text", ["\0", "'", '"', "%", ".*", "(a+)+$", "<script>", "\\", "名前", "é", "\U0001f600" * 100]
)
def test_any_text_can_be_searched_for(page: Page, text: str) -> None:
    for path, field in (("/api/detections", "customer"), ("/api/merchants", "search")):
        assert page.client.post(path, json={field: text}).json()["rows"] == []


def test_no_url_takes_anything_but_the_time_span(page: Page) -> None:
    app = page.client.app
    assert isinstance(app, FastAPI)
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    flat = {name.alias for route in routes for name in _parameters(route.dependant)}
    assert flat == {"span"}


def _parameters(dependant: Any) -> list[Any]:
    return [*dependant.query_params, *(found for one in dependant.dependencies for found in _parameters(one))]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an app as Airflow's API server does."""
    port = free_port(0)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_access_logs_do_not_name_customers(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    outer = FastAPI()
    outer.mount("/pattern-detection", page.client.app)
    outer.add_middleware(HttpAccessLogMiddleware)
    with caplog.at_level(logging.INFO), structlog.testing.capture_logs() as airflows, served(outer) as url:
        base = f"{url}/pattern-detection"
        assert httpx.post(f"{base}/api/detections", json={"customer": CUSTOMER}).status_code == 200
        assert httpx.post(f"{base}/api/detections.csv", json={"customer": CUSTOMER}).status_code == 200
        assert httpx.post(f"{base}/api/merchants", json={"search": CUSTOMER}).status_code == 200
        assert httpx.post(f"{base}/api/merchants/history", json={"merchant": CUSTOMER}).status_code != 404
        assert httpx.post(f"{base}/api/explain", json={"merchant": "M1", "customer": CUSTOMER}).status_code != 422
    logged = caplog.text + json.dumps(airflows, default=str)
    assert "/api/detections.csv" in caplog.text
    assert "/api/merchants/history" in json.dumps(airflows, default=str)
    assert CUSTOMER not in logged
