"""Attacks on the local S3, as any web page or program on this machine can try them."""

from collections.abc import Iterator

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.bucket import BUCKET
from local.s3 import LocalS3

_KEY = "attacked/customers.csv"
_CONTENT = b"customer,amount\nAnna,12.00\n"


@pytest.fixture(autouse=True)
def _customers(s3: LocalS3) -> Iterator[None]:
    s3.client().put_object(Bucket=BUCKET, Key=_KEY, Body=_CONTENT)
    yield
    assert s3.client().get_object(Bucket=BUCKET, Key=_KEY)["Body"].read() == _CONTENT
    assert keys(s3) == [_KEY]


def keys(s3: LocalS3) -> list[str]:
    return [entry["Key"] for entry in s3.client().list_objects_v2(Bucket=BUCKET, Prefix="attacked/")["Contents"]]


def url(s3: LocalS3, key: str = _KEY) -> str:
    return f"{s3.endpoint}/{BUCKET}/{key}"


def signed(
    s3: LocalS3,
    method: str,
    body: bytes = b"",
    key: tuple[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers that sign a request, by default with the keys of the run."""
    access_key, secret_key = key or (s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest(method, url(s3), data=body, headers=headers or {})
    S3SigV4Auth(Credentials(access_key, secret_key), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def refused_with(answer: httpx.Response, code: str) -> bool:
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert _CONTENT not in answer.content
    return answer.status_code == 403 and f"<Code>{code}</Code>" in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_a_request_without_a_signature_is_refused(s3: LocalS3, method: str) -> None:
    for path in (url(s3), f"{s3.endpoint}/{BUCKET}?list-type=2", f"{s3.endpoint}/", f"{s3.endpoint}/moto-api/reset"):
        assert refused_with(httpx.request(method, path), "AccessDenied")
    assert httpx.head(url(s3)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Host": "evil.example"},
    ],
)
def test_a_web_page_is_refused_even_with_a_valid_signature(s3: LocalS3, headers: dict[str, str]) -> None:
    assert refused_with(httpx.get(url(s3), headers=signed(s3, "GET", headers=headers) | headers), "AccessDenied")


def test_the_form_of_a_web_page_cannot_write(s3: LocalS3) -> None:
    form = {"key": "attacked/../../../pwned"}
    for headers in ({"Origin": "http://evil.example"}, {}):
        answer = httpx.post(f"{s3.endpoint}/{BUCKET}", data=form, files={"file": b"x"}, headers=headers)
        assert refused_with(answer, "AccessDenied")
    assert not s3.client().list_objects_v2(Bucket=BUCKET, Prefix="pwned").get("Contents")


def test_a_preflight_gets_no_permission(s3: LocalS3) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    assert refused_with(httpx.options(url(s3), headers=headers), "AccessDenied")


def test_a_signature_with_other_keys_is_refused(s3: LocalS3) -> None:
    access_key = s3.environment["AWS_ACCESS_KEY_ID"]
    for key, code in ((("AKIAEXAMPLE", "x"), "InvalidAccessKeyId"), ((access_key, "x"), "SignatureDoesNotMatch")):
        assert refused_with(httpx.get(url(s3), headers=signed(s3, "GET", key=key)), code)


def test_a_signature_is_good_for_its_own_request_only(s3: LocalS3) -> None:
    to_read = signed(s3, "GET")
    assert httpx.get(url(s3), headers=to_read).content == _CONTENT
    for answer in (
        httpx.delete(url(s3), headers=to_read),
        httpx.get(f"{s3.endpoint}/{BUCKET}?list-type=2", headers=to_read),
        httpx.get(f"{url(s3)}?acl", headers=to_read),
        httpx.get(url(s3, "attacked/other"), headers=to_read),
        httpx.get(url(s3), headers=to_read | {"X-Amz-Date": "20260101T000000Z"}),
    ):
        assert refused_with(answer, "SignatureDoesNotMatch")
    to_write = signed(s3, "PUT", _CONTENT)
    assert httpx.put(url(s3), content=_CONTENT, headers=to_write).status_code == 200
    assert refused_with(httpx.put(url(s3), content=b"other", headers=to_write), "XAmzContentSHA256Mismatch")


def test_an_error_names_the_remedy_in_the_words_of_a_client(s3: LocalS3) -> None:
    other = LocalS3(s3.endpoint, s3.environment | {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}, s3.process)
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId.* signed with the keys of its run"):
        other.client().list_buckets()
