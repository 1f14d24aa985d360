"""A local AWS that enforces IAM: `python -m tests.integration.terraform.aws_server PORT`.

Moto's server for all services. Moto checks only actions and resources of policies; this module adds:

- conditions of statements,
- the resource in requests to SNS and Secrets Manager, and in requests that delete many objects,
- S3's "not found" only for callers that may list the bucket,
- metrics configurations of buckets, stored without validation.

A request counts as sent over TLS unless it has the header `X-Scheme: http`.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

import waitress
import xmltodict
from flask import request
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response
from moto.secretsmanager.models import secretsmanager_backends

_permitted = IAMPolicyStatement.is_action_permitted
_authorize = S3Response._authenticate_and_authorize_s3_action


def main() -> None:
    """Serve until the process is stopped."""
    for owner, name, replacement in (
        (IAMPolicyStatement, "is_action_permitted", _is_action_permitted),
        (IAMPolicyStatement, "_check_conditions", lambda *_: True),
        (S3Response, "_authenticate_and_authorize_s3_action", _authorize_object),
        # Without it Moto 5.2 fails when a delete marker is deleted.
        (FakeDeleteMarker, "dispose", lambda *_: None),
    ):
        setattr(owner, name, replacement)
    application = DomainDispatcherApplication(create_backend_app)
    waitress.serve(
        _MetricsConfigurations(application), host="127.0.0.1", port=int(sys.argv[1]), threads=8, connection_limit=1000
    )


def holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Return whether a request meets all conditions of a statement."""
    return all(
        _holds(operator, context.get(key), [expected] if isinstance(expected, str) else expected)
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _holds(operator: str, value: str | None, expected: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (expected == ["true"])
    if value is None:
        return operator.endswith("IfExists")
    match operator.removesuffix("IfExists"):
        case "Bool" | "StringEquals":
            return value in expected
        case "StringLike":
            return any(fnmatchcase(value, pattern) for pattern in expected)
    raise NotImplementedError(operator)


def _is_action_permitted(self: Any, action: str, resource: str = "*", *trust: Any) -> PermissionResult:
    context = {"aws:SecureTransport": str(request.headers.get("X-Scheme") != "http").lower()}
    if "If-None-Match" in request.headers:
        context["s3:if-none-match"] = request.headers["If-None-Match"]
    if "prefix" in request.args:
        context["s3:prefix"] = request.args["prefix"]
    if not holds(self._statement.get("Condition", {}), context):
        return PermissionResult.NEUTRAL
    return _permitted(self, action, _named_resource(action) or resource, *trust)


def _named_resource(action: str) -> str | None:
    """Return the ARN in a request to a service for which Moto ignores it."""
    if action == "sns:Publish":
        return str(request.form["TopicArn"])
    if action == "secretsmanager:GetSecretValue":
        backend = secretsmanager_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_REGION"]]
        return str(backend.describe_secret(json.loads(request.data)["SecretId"]).arn)
    return None


def _authorize_object(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    action = self.data.get("Action")
    if action == "DeleteObject" and not key_name:
        # A request to delete many objects is checked for each of them.
        deleted = xmltodict.parse(self.body, force_list=("Object",), strip_whitespace=False)["Delete"]["Object"]
        for entry in deleted:
            _authorize(self, bucket_name=bucket_name, key_name=entry["Key"])
        return
    _authorize(self, bucket_name=bucket_name, key_name=key_name)
    if key_name and action == "GetObject" and self.backend.get_object(bucket_name, key_name) is None:
        self.data["Action"] = "ListBucket"
        _authorize(self, bucket_name=bucket_name)
        self.data["Action"] = action


class _MetricsConfigurations:
    """Middleware for `PUT`, `GET` and `DELETE /<bucket>?metrics&id=<id>`."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._stored: dict[tuple[str, str], bytes] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        if "metrics" not in query:
            return self._application(environ, start_response)
        key = environ["PATH_INFO"], query["id"][0]
        status, body = "200 OK", b""
        if environ["REQUEST_METHOD"] == "PUT":
            self._stored[key] = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        elif environ["REQUEST_METHOD"] == "DELETE":
            self._stored.pop(key, None)
            status = "204 No Content"
        elif key in self._stored:
            body = self._stored[key]
        else:
            status, body = "404 Not Found", b"<Error><Code>NoSuchConfiguration</Code></Error>"
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


if __name__ == "__main__":
    main()
