import pytest

from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.store.failures import storage_failure

# A response of S3: the code is not in the first line.
ANSWER = (
    'Generic S3 error: 403 Forbidden: <?xml version="1.0"?>\n'
    "<Error><Code>{}</Code><AWSAccessKeyId>AKIA1</AWSAccessKeyId></Error>"
)


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        ("RequestTimeTooSkewed", "the clock of this machine"),
        ("AccessDenied", "grant it to this role or user"),
        ("InvalidAccessKeyId", "fix the credentials"),
        ("SignatureDoesNotMatch", "fix the credentials"),
    ],
)
def test_a_refusal_is_permanent_with_a_remedy_and_without_credentials(code: str, way_out: str) -> None:
    failure = storage_failure("s3://bucket/key", OSError(ANSWER.format(code)))
    assert isinstance(failure, StorageRefusedError)
    assert str(failure).startswith(f"s3://bucket/key: the store refuses it ({code}); ")
    assert way_out in str(failure)
    assert "AKIA1" not in str(failure)


def test_expired_credentials_are_retryable() -> None:
    failure = storage_failure("s3://bucket/key", OSError(ANSWER.format("ExpiredToken")))
    assert isinstance(failure, StorageError)
    assert "the credentials have expired" in str(failure)


def test_other_failures_are_retryable_and_reported_in_one_line() -> None:
    failure = storage_failure("s3://bucket/key", OSError("connection reset\nDebug source: …"))
    assert isinstance(failure, StorageError)
    assert (
        str(failure)
        == "s3://bucket/key: connection reset; check the address, the AWS_* variables and the store's health"
    )
