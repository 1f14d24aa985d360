"""An S3 with injectable faults: moto's backend behind an HTTP server in this process.

Each request of a job is a numbered **operation**. A `Fault` decides whether it takes effect, and what the client sees.
"""

import io
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends
from werkzeug.test import run_wsgi_app

from tests.system.torture.connections import Server
from tests.system.torture.operations import Answer, Fault, Operation

BUCKET = "torture"


@dataclass(frozen=True)
class Stored:
    """A stored object."""

    key: str
    data: bytes


class FaultyS3:
    """The server. Requests are executed one at a time, so conditional writes are atomic as in S3.

    Attributes:
        ignored_headers: request headers that this S3 does not know.
    """

    def __init__(self, bucket: str = BUCKET) -> None:
        self._bucket = bucket
        self.ignored_headers: frozenset[str] = frozenset()
        self._app = create_backend_app("s3")
        self._applying = threading.Lock()
        self._counting = threading.Condition()
        self._running = 0
        self._operations: list[Operation] = []
        self._fault: Fault = lambda operation: operation.apply()
        self._server = Server(self._respond)
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._backend.create_bucket(bucket, "us-east-1")

    @property
    def environment(self) -> dict[str, str]:
        """The `AWS_*` variables of its clients."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": secrets.token_hex(10),
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_REGION": "us-east-1",
        }

    def begin(self, fault: Fault | None = None) -> None:
        """Restart the numbering of operations, and apply `fault` to each."""
        with self._counting:
            self._operations = []
            self._fault = fault or (lambda operation: operation.apply())

    @property
    def operations(self) -> list[Operation]:
        """The operations since `begin`."""
        with self._counting:
            return list(self._operations)

    def objects(self) -> list[Stored]:
        """Return all stored objects."""
        with self._applying:
            keys = self._backend.get_bucket(self._bucket).keys
            return [Stored(name, bytes(keys[name].value)) for name in sorted(keys)]

    def restore(self, objects: list[Stored], written_at: datetime | None = None) -> None:
        """Replace all stored objects by these, with `written_at` as their modification time."""
        with self._applying:
            keys = self._backend.get_bucket(self._bucket).keys
            for name in list(keys):
                del keys[name]
            for stored in objects:
                key = self._backend.put_object(self._bucket, stored.key, stored.data, disable_notification=True)
                if written_at:
                    key.last_modified = written_at.replace(tzinfo=None)

    def _respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Handle one request.

        Raises:
            ConnectionCut: there is no response.
        """
        operation = self._operation(method, path, headers, body)
        with self._counting:
            self._running += 1
        try:
            return self._fault(operation)
        finally:
            with self._counting:
                self._running -= 1
                self._counting.notify_all()

    def await_quiet(self) -> None:
        """Wait until no request is running: some take effect long after their client was killed."""
        with self._counting:
            assert self._counting.wait_for(lambda: self._running == 0, timeout=60)

    def _operation(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Operation:
        location, _, query = path.partition("?")
        key = unquote(location).removeprefix(f"/{self._bucket}").lstrip("/")
        if "list-type" in query:
            method, key = "LIST", unquote(dict(_pairs(query)).get("prefix", ""))
        if query.startswith("delete"):
            method, key = "DELETE MANY", f"{len(re.findall(b'<Key>', body))} objects"
        http_method = {"LIST": "GET", "DELETE MANY": "POST"}.get(method, method)

        def apply(sent: bytes = body) -> Answer:
            with self._applying:
                known = {name: value for name, value in headers.items() if name not in self.ignored_headers}
                return self._apply(http_method, location, query, {**known, "content-length": str(len(sent))}, sent)

        def apply_half() -> None:
            if method == "DELETE MANY":
                objects = re.findall(rb"<Object>.*?</Object>", body, re.DOTALL)
                for stored in objects[len(objects) // 2 :]:
                    half = body.replace(stored, b"")
                    apply(half) if stored == objects[-1] else None

        with self._counting:
            conditional = "if-match" in headers or "if-none-match" in headers
            operation = Operation(len(self._operations), method, key, body, conditional, apply, apply_half)
            self._operations.append(operation)
        return operation

    def _apply(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Answer:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path),
            "RAW_URI": f"{path}?{query}",
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self._server.server_port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": headers.get("content-length", "0"),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        pieces, status, found = run_wsgi_app(self._app, environ, buffered=True)
        return Answer(int(status.split()[0]), list(found), b"".join(pieces))

    def serve(self) -> threading.Thread:
        """Serve on a thread until `stop`."""
        thread = threading.Thread(target=self._server.serve_forever, name="faulty-s3", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Stop the server and delete its objects."""
        self._server.shutdown()
        self._server.server_close()
        self.restore([])
        self._backend.delete_bucket(self._bucket)


@contextmanager
def faulty_s3(bucket: str = BUCKET) -> Iterator[FaultyS3]:
    """Run a `FaultyS3` until the block ends; at a time, a bucket is in one of them."""
    server = FaultyS3(bucket)
    server.serve()
    try:
        yield server
    finally:
        server.stop()


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        yield name, value
