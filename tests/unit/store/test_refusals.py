"""Errors name the store's reason, and do not reveal credentials."""

import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import open_objects

CANARY = "canary0123456789abcdef0123456789abcdef01"


@dataclass
class Answers:
    """What the S3 answers to every request; `{headers}` stands for the request's headers."""

    status: int = 403
    body: str = "<Error><Code>SignatureDoesNotMatch</Code><Message>{headers}</Message></Error>"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """An S3 that answers every request alike; its response to a HEAD has no body."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.body.replace("{headers}", str(self.headers)).encode()
            self.send_response(answers.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_PUT = do_HEAD = do_POST = do_GET  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"session-{CANARY}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("answers")
def test_a_refusal_is_reported_without_the_credentials_that_s3_echoes() -> None:
    lake = open_objects("s3://bucket/lake")
    for call in (
        lambda: lake.find("offset.csv"),
        lambda: lake.write("offset.csv", b""),
        lambda: open_table("s3://bucket/lake/state/pairs", "detector"),
    ):
        with pytest.raises(StorageRefusedError) as failed:
            call()
        assert "s3://bucket/lake" in str(failed.value)
        assert CANARY not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_head_has_the_reason_of_a_get(answers: Answers, status: int) -> None:
    answers.status = status
    answers.body = "<Error><Code>InvalidObjectState</Code><Message>In Glacier.</Message></Error>"
    with pytest.raises(StorageRefusedError, match=r"\(InvalidObjectState: In Glacier\.\); the object is archived"):
        open_objects("s3://bucket/lake").head("offset.csv")


def test_a_head_without_any_reason_says_so(answers: Answers) -> None:
    answers.body = ""
    with pytest.raises(StorageRefusedError, match=r"\(403 Forbidden\); the store gives no reason"):
        open_objects("s3://bucket/lake").head("offset.csv")


def test_reading_creating_and_listing_report_a_missing_bucket(answers: Answers) -> None:
    answers.status, answers.body = 404, "<Error><Code>NoSuchBucket</Code></Error>"
    lake = open_objects("s3://bucket/lake")
    for call in (
        lambda: lake.find("offset.csv"),
        lambda: lake.create("offset.csv", b""),
        lambda: lake.write("offset.csv", b""),
        lambda: list(lake.list_objects("state")),
    ):
        with pytest.raises(StorageRefusedError, match=r"\(NoSuchBucket\); the bucket does not exist"):
            call()


def test_an_object_that_is_gone_cannot_be_replaced(answers: Answers) -> None:
    answers.status, answers.body = 404, "<Error><Code>NoSuchKey</Code></Error>"
    lake = open_objects("s3://bucket/lake")
    assert lake.replace("offset.csv", b"", '"e"') is False
    with pytest.raises(StorageError, match="NoSuchKey"):
        lake.create("offset.csv", b"")
