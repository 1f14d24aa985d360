import pytest

from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.store.failures import storage_failure

# As S3 answers: the code is not in the first line.
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
def test_a_refusal_is_permanent_names_the_way_out_and_repeats_no_credentials(code: str, way_out: str) -> None:
    failure = storage_failure("s3://bucket/key", OSError(ANSWER.format(code)))
    assert isinstance(failure, StorageRefusedError)
    assert str(failure).startswith(f"s3://bucket/key: the store refuses it ({code}); ")
    assert way_out in str(failure)
    assert "AKIA1" not in str(failure)


def test_expired_credentials_are_worth_a_new_start() -> None:
    failure = storage_failure("s3://bucket/key", OSError(ANSWER.format("ExpiredToken")))
    assert isinstance(failure, StorageError)
    assert "the credentials have expired" in str(failure)


def test_all_else_is_worth_a_retry_and_is_told_in_one_line() -> None:
    failure = storage_failure("s3://bucket/key", OSError("connection reset\nDebug source: …"))
    assert isinstance(failure, StorageError)
    assert (
        str(failure)
        == "s3://bucket/key: connection reset; check the address, the AWS_* variables and the store's health"
    )
