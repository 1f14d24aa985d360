"""Errors do not reveal credentials."""

import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spark_jobs.errors import StorageRefusedError
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import open_objects

CANARY = "canary0123456789abcdef0123456789abcdef01"


@pytest.fixture
def refusing_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 that refuses every request, and echoes its headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{self.headers}</Message></Error>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_HEAD = do_GET  # noqa: N815 - names of the base class

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
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("refusing_s3")
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
