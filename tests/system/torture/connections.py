"""An HTTP server that keeps connections open, as S3 does, and can cut them."""

import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.system.torture.operations import Answer, ConnectionCut

# Method, path with query, headers in lower case, body.
Respond = Callable[[str, str, dict[str, str], bytes], Answer]


class Server(ThreadingHTTPServer):
    """HTTP server on a free port of loopback, with one thread per connection."""

    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _handler(respond))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore lost connections: their clients were killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection, kept open between requests."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_expect_100(self) -> bool:
            super().handle_expect_100()
            self.wfile.flush()
            return True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = respond(self.command, self.path, headers, body)
                self._send(answer)
            except (ConnectionCut, ConnectionError):
                self.close_connection = True
                self._cut()

        def _send(self, answer: Answer) -> None:
            # A HEAD response has the length of the object.
            length = next((v for n, v in answer.headers if n.lower() == "content-length"), str(len(answer.body)))
            self.send_response(answer.status)
            for name, value in answer.headers:
                if name.lower() not in ("content-length", "date", "server", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: answer.sent])
            self.wfile.flush()
            if answer.sent is not None:
                raise ConnectionCut

        def _cut(self) -> None:
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client has disconnected already.
                return

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's interface

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: `FaultyS3` keeps the operations."""

    return Handler
