"""Access control of the local S3: requests signed with the keys of this run, and none from a web page.

Signatures are those of AWS Signature Version 4:
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, reduce
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

from local.foreign_requests import reason_to_refuse

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    _ALGORITHM + r" Credential=(?P<key>[^/,]+)/(?P<scope>\d{8}/[^/,]+/s3/aws4_request),"
    r" *SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_SHA256 = re.compile("[0-9a-f]{64}")
_HINT = "The local S3 wants requests that are signed with the keys of its run."


class AccessControl:
    """A WSGI application that passes the permitted requests on to another one.

    All others get S3's own error with status 403: `AccessDenied` without a signature or from a web page,
    `InvalidAccessKeyId`, `SignatureDoesNotMatch`, or `XAmzContentSHA256Mismatch` for another body than the signed one.

    Args:
        application: gets the permitted requests.
        access_key, secret_key: the only ones that are accepted.
    """

    def __init__(self, application: WSGIApplication, access_key: str, secret_key: str) -> None:
        self._application = application
        self._access_key = access_key
        self._secret_key = secret_key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; see WSGI."""
        code, message = self._refusal(environ) or ("", "")
        if not code:
            return self._application(environ, start_response)
        text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
        start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]

    def _refusal(self, environ: WSGIEnvironment) -> tuple[str, str] | None:
        """Return the code and message of the error for a request that is refused, else None."""
        headers = _headers(environ)
        foreign = reason_to_refuse(environ["REQUEST_METHOD"], headers)
        if foreign:
            return "AccessDenied", foreign
        given = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not given or "x-amz-date" not in headers:
            return "AccessDenied", _HINT
        if not hmac.compare_digest(given["key"].encode(), self._access_key.encode()):
            return "InvalidAccessKeyId", f"The access key is another one. {_HINT}"
        if not hmac.compare_digest(given["signature"], self._signature(environ, headers, given)):
            return "SignatureDoesNotMatch", f"The signature is wrong. {_HINT}"
        # Other values say that the body is not signed.
        signed = headers.get("x-amz-content-sha256", "")
        if _SHA256.fullmatch(signed) and signed != _digest(environ["wsgi.input"]):
            return "XAmzContentSHA256Mismatch", "The body is not the one that was signed."
        return None

    def _signature(self, environ: WSGIEnvironment, headers: Mapping[str, str], given: re.Match[str]) -> str:
        """Return the signature that a request must have."""
        path, _, query = environ["REQUEST_URI"].partition("?")
        names = given["headers"].split(";")
        canonical_request = (
            environ["REQUEST_METHOD"],
            # Clients may encode other characters in the request than in what they sign.
            quote(unquote_to_bytes(path), safe="/~"),
            urlencode(sorted(parse_qsl(query, keep_blank_values=True)), quote_via=quote, safe="~"),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            given["headers"],
            headers.get("x-amz-content-sha256", ""),
        )
        digest = hashlib.sha256("\n".join(canonical_request).encode()).hexdigest()
        text = "\n".join((_ALGORITHM, headers["x-amz-date"], given["scope"], digest))
        return _hmac(_signing_key(self._secret_key, given["scope"]), text).hex()


@lru_cache
def _signing_key(secret_key: str, scope: str) -> bytes:
    """Return the key for the requests of a day and a region."""
    return reduce(_hmac, scope.split("/"), f"AWS4{secret_key}".encode())


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the headers of a request by name in lower case."""
    own = {f"HTTP_{name}": value for name, value in environ.items() if name in ("CONTENT_TYPE", "CONTENT_LENGTH")}
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in (environ | own).items()
        if name.startswith("HTTP_")
    }


def _digest(body: Any) -> str:
    """Return the SHA-256 of a body that the server has received in full, and rewind it."""
    found = hashlib.file_digest(body, "sha256").hexdigest()
    body.seek(0)
    return found
