"""MWAA at its HTTP boundary: it issues a login token, exchanges it for a session, and serves Airflow's REST API."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.stub import Stubber
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from orchestration.prune_runs import MwaaRestApi

ENVIRONMENT = "prod-airflow"
_HOST = "prod-vpce.c2.eu-west-1.airflow.example.com"
_SESSION = "session-of-a-user"
_CALLS = 1000
# method, path, query, body -> status and answer of Airflow's REST API
Airflow = Callable[[str, str, dict[str, Any], dict[str, Any]], tuple[int, Any]]


def mwaa(monkeypatch: pytest.MonkeyPatch, airflow: Airflow) -> MwaaRestApi:
    """Return the REST API of an environment whose requests are answered by `airflow`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")

    def send(_: HTTPAdapter, request: PreparedRequest, **__: Any) -> Response:
        url = urlsplit(str(request.url))
        assert (url.scheme, url.netloc) == ("https", _HOST)
        answer = Response()
        answer.request, answer.url = request, str(request.url)
        if url.path == "/pluginsv2/aws_mwaa/login":
            assert request.body == "token=web-token"
            answer.status_code = 200
            answer.cookies.set("_token", _SESSION)
            return answer
        assert request.headers["Authorization"] == f"Bearer {_SESSION}"
        assert isinstance(request.body, bytes | str | None)
        path, body = url.path.removeprefix("/api/v2"), json.loads(request.body or "{}")
        answer.status_code, content = airflow(str(request.method), path, dict(parse_qsl(url.query)), body)
        answer._content = json.dumps(content).encode()
        return answer

    monkeypatch.setattr(HTTPAdapter, "send", send)
    api = MwaaRestApi(ENVIRONMENT, "")
    stubber = Stubber(api.hook.conn)
    for _ in range(_CALLS):
        answer = {"WebToken": "web-token", "WebServerHostname": _HOST}
        stubber.add_response("create_web_login_token", answer, {"Name": ENVIRONMENT})
    stubber.activate()
    return api
