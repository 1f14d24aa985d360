"""What a user is told where the store fails: its own code and message, a remedy, and whether a retry can help."""

import pytest

from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.store.error_codes import Access, redact
from spark_jobs.store.failures import cause, storage_failure

# A response of S3 as obstore reports it, and as deltalake does: each colon becomes an arrow.
ANSWER = (
    "Generic S3 error: Error performing GET http://s3/bucket/key in 12ms - Server returned non-2xx status code: {}:"
    " <?xml version='1.0'?>\n<Error><Code>{}</Code><Message>{}</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId></Error>"
)
ARROW = "\n   \x1b[31m↳\x1b[0m "


def failure_of(status: str, code: str, said: str = "It is so.") -> StorageError | StorageRefusedError:
    text = ANSWER.format(status, code, said)
    failures = [storage_failure("s3://bucket/key", OSError(said)) for said in (text, text.replace(": ", ARROW))]
    assert str(failures[0]) == str(failures[1])
    assert type(failures[0]) is type(failures[1])
    return failures[0]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        ("403 Forbidden", "AccessDenied", "grant it to this role or user, see terraform/modules/lake/roles.tf"),
        ("403 Forbidden", "RequestTimeTooSkewed", "the clock of this machine"),
        ("403 Forbidden", "InvalidAccessKeyId", "fix the credentials: the AWS_* variables or the role"),
        ("403 Forbidden", "SignatureDoesNotMatch", "fix the credentials"),
        ("403 Forbidden", "InvalidObjectState", "the object is archived: restore it"),
        ("403 Forbidden", "QuotaExceeded", "raise its quota"),
        ("403 Forbidden", "OutOfCoffee", "see the store's documentation of this code"),
        ("400 Bad Request", "KMS.DisabledException", "the bucket's KMS key cannot be used"),
        ("400 Bad Request", "KMS.KMSInvalidStateException", "the bucket's KMS key cannot be used"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "fix AWS_REGION"),
        ("301 Moved Permanently", "PermanentRedirect", "fix AWS_REGION"),
        ("501 Not Implemented", "NotImplemented", "the store lacks an operation that the jobs need"),
        ("404 Not Found", "NoSuchBucket", "create it, or fix the address"),
        ("507 Insufficient Storage", "XMinioStorageFull", "raise its quota"),
    ],
)
def test_a_permanent_refusal_shows_code_message_and_remedy(status: str, code: str, remedy: str) -> None:
    failure = failure_of(status, code)
    assert isinstance(failure, StorageRefusedError)
    assert str(failure).startswith(f"s3://bucket/key: the store refuses it ({code}: It is so.); ")
    assert remedy in str(failure)
    assert ("grant" in str(failure)) is (code == "AccessDenied")
    assert "AKIA1" not in str(failure)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("503 Service Unavailable", "SlowDown"),
        ("500 Internal Server Error", "InternalError"),
        ("503 Service Unavailable", "ServiceUnavailable"),
        ("400 Bad Request", "RequestTimeout"),
        ("400 Bad Request", "KMS.ThrottlingException"),
        ("409 Conflict", "OperationAborted"),
    ],
)
def test_a_temporary_refusal_is_retryable_and_shows_the_code(status: str, code: str) -> None:
    failure = failure_of(status, code)
    assert isinstance(failure, StorageError)
    assert f"s3://bucket/key: {code}: It is so.; check the address" in str(failure)


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden"])
def test_expired_credentials_are_retryable(status: str) -> None:
    failure = failure_of(status, "ExpiredToken")
    assert isinstance(failure, StorageError)
    assert "the credentials have expired" in str(failure)


@pytest.mark.parametrize(
    ("status", "kind"), [("403 Forbidden", StorageRefusedError), ("502 Bad Gateway", StorageError)]
)
def test_a_web_page_is_not_taken_for_the_store(status: str, kind: type[Exception]) -> None:
    page = f"Server returned non-2xx status code: {status}: <html><head><title>Blocked by policy</title></head></html>"
    failure = storage_failure("s3://bucket/key", OSError(page))
    assert type(failure) is kind
    if kind is StorageRefusedError:
        assert "(403 Forbidden: Blocked by policy); a proxy answers instead of the store" in str(failure)
    assert "grant" not in str(failure)


def test_a_redirect_to_another_region_is_permanent() -> None:
    said = "Received redirect without LOCATION, this normally indicates an incorrectly configured region"
    failure = storage_failure("s3://bucket/key", OSError(f"Generic S3 error: {said}"))
    assert isinstance(failure, StorageRefusedError)
    assert "(PermanentRedirect); the bucket is in another region or at another endpoint" in str(failure)


def test_the_advice_names_what_the_client_was_opened_with() -> None:
    access = Access("the Airflow connection `lake`", "its user", "its region")
    for code, named in (
        ("AccessDenied", "its user"),
        ("InvalidAccessKeyId", "`lake`"),
        ("PermanentRedirect", "region"),
    ):
        failure = storage_failure("s3://bucket/key", OSError(ANSWER.format("403 Forbidden", code, "")), access)
        assert named in str(failure)
        assert "AWS_" not in str(failure)
    assert "`lake`" in str(storage_failure("s3://bucket/key", OSError("connection reset"), access))


def test_a_role_that_cannot_be_assumed_is_named() -> None:
    said = "An error occurred (AccessDenied) when calling the AssumeRole operation: User x may not assume role y"
    access = Access("the Airflow connection `lake`", "its user", "its region")
    failure = storage_failure("s3://bucket/lake", OSError(f"Generic error: provider failed: {said}"), access)
    assert isinstance(failure, StorageRefusedError)
    assert "(AccessDenied: AssumeRole operation: User x may not assume role y); grant it to its user" in str(failure)


def test_other_failures_are_retryable_and_reported_in_one_line() -> None:
    failure = storage_failure("s3://bucket/key", OSError("connection reset\nDebug source: …"))
    assert isinstance(failure, StorageError)
    assert str(failure) == (
        "s3://bucket/key: connection reset; check the address, the AWS_* variables or the role of this machine, and"
        " the store's health"
    )


@pytest.mark.parametrize(
    "text",
    [
        "x-amz-security-token: canary",
        "x-amz-security-token\n \x1b[31m↳\x1b[0m canary",
        "GET https://s3/bucket/key?X-Amz-Credential=canary%2F2026&X-Amz-Signature=canary",
        "authorization: AWS4-HMAC-SHA256 Credential=canary/x, SignedHeaders=host, Signature=canary",
        "<AWSAccessKeyId>canary</AWSAccessKeyId>",
        "<StringToSign>AWS4\ncanary</StringToSign>",
        "<CanonicalRequest>GET\n/canary",
        '{"SessionToken": "canary"}',
        "http://user:canary@proxy:3128 refused the connection",
        "the key AKIACANARYCANARYCANA does not exist",
    ],
)
def test_secrets_are_removed_from_every_text(text: str) -> None:
    assert "canary" not in redact(text).lower()
    assert cause(OSError(text)) is None
    assert "canary" not in str(storage_failure("s3://bucket/key", OSError(text))).lower()


def test_an_error_without_secrets_stays_as_the_cause() -> None:
    error = OSError("connection reset by peer … again")
    assert cause(error) is error
