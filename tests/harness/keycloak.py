"""Keycloak at its HTTP boundary: it issues tokens to anybody, and decides on permissions as the test says."""

import json
import threading
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_FAR_FUTURE = 4_000_000_000
# user, permission such as `Dag#GET`, resource -> HTTP status of the decision
Decide = Callable[[str, str, str], int]


@contextmanager
def keycloak(decide: Decide) -> Iterator[int]:
    """Run the server on loopback; yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if given["grant_type"] == ["password"]:
                token = _token(given["username"][0])
                self._answer(200, {"access_token": token, "refresh_token": token})
                return
            claims = json.loads(b64decode(given["claim_token"][0]))
            [resource] = claims["resource_id"]
            status = decide(self._user(), given["permission"][0], resource)
            self._answer(status, {"access_token": "granted"} if status == 200 else {"error": "access_denied"})

        def do_GET(self) -> None:
            self._answer(200, {"sub": self._user(), "preferred_username": self._user()})

        def _user(self) -> str:
            body = self.headers["Authorization"].split(".")[1]
            return str(json.loads(urlsafe_b64decode(body))["sub"])

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _token(user: str) -> str:
    """Return a token in the form of a JWT; only this server reads it."""
    # Padded to a multiple of three bytes, because a JWT has no `=`.
    body = json.dumps({"sub": user, "exp": _FAR_FUTURE})
    return f"x.{urlsafe_b64encode(body.ljust(-(-len(body) // 3) * 3).encode()).decode()}.x"
