"""What errors say must not have in it what opens doors."""

import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spark_jobs.errors import PermanentError, StorageRefusedError
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import open_object, open_objects

CANARY = "canary0123456789abcdef0123456789abcdef01"


@pytest.fixture
def refusing_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 that refuses everything, and sends back all that it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{self.headers}</Message></Error>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_HEAD = do_GET  # noqa: N815 - the names of the base class

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

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
def test_what_s3_sends_back_with_a_refusal_is_told_without_credentials() -> None:
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


@pytest.mark.parametrize("opened", [open_objects, open_object])
def test_credentials_in_an_address_are_refused_and_not_repeated(opened: type) -> None:
    with pytest.raises(PermanentError, match=r"s3://bucket.*: an address has no credentials in it; give them in") as e:
        opened(f"s3://AKIAEXAMPLE:{CANARY}@bucket/lake")
    assert CANARY not in str(e.value)
