"""Failures of object storage: which are worth a retry, what the user can do, and the retries themselves."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deltalake.exceptions import DeltaError, TableNotFoundError
from obstore.exceptions import BaseError

from spark_jobs.errors import PipelineError, StorageError, StorageRefusedError

# Pauses between attempts once a client has given up, such as on a response cut short.
PAUSES_SECONDS = (0.1, 0.5, 2.0)
# What both clients are configured with: retries of one request, seconds for all of them, seconds for one attempt.
MAX_RETRIES = 6
RETRY_SECONDS = 30
REQUEST_SECONDS = 30

_Result = TypeVar("_Result")

_CREDENTIALS = "fix the credentials: the AWS_* variables, or the role of this machine"
_PERMISSION = "grant it to this role or user, see terraform/modules/lake/roles.tf"
# S3 error codes that no retry changes.
_REFUSALS = {
    "RequestTimeTooSkewed": "the clock of this machine is more than 15 minutes off; set it",
    "AccessDenied": _PERMISSION,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "NoSuchBucket": "the bucket does not exist: create it, or fix the address",
    # The response to a HEAD has no body, and so no code.
    "403 Forbidden": _PERMISSION,
}
_EXPIRED = ("ExpiredToken", "TokenRefreshRequired")
# S3 answers a wrong signature with the request as it was signed, session token included.
_TOKEN = re.compile(r"(x-amz-security-token)\W+[^\s<&\"']+", re.IGNORECASE)
_TEXT_LIMIT = 500


def storage_failure(place: str, error: Exception) -> StorageError | StorageRefusedError:
    """Return the error to raise, `from cause(error)`, where a client of an object store has given up.

    Args:
        place: full name of what was read or written.
        error: the client's; the S3 error code may be anywhere in its text.
    """
    text = str(error)
    for code in _EXPIRED:
        if code in text:
            msg = f"{place}: the credentials have expired ({code}); the next start loads new ones, or renew them"
            return StorageError(msg)
    for code, remedy in _REFUSALS.items():
        if code in text:
            return StorageRefusedError(f"{place}: the store refuses it ({code}); {remedy}")
    first_line = _TOKEN.sub(r"\1: …", text.strip().split("\n")[0])[:_TEXT_LIMIT]
    return StorageError(f"{place}: {first_line}; check the address, the AWS_* variables and the store's health")


def cause(error: Exception) -> Exception | None:
    """Return an error as the `__cause__` of ours; None where its text may contain a session token."""
    return None if "x-amz-security-token" in str(error).lower() else error


@contextmanager
def translate_errors(place: str, *expected: type[Exception]) -> Iterator[None]:
    """Raise errors of obstore and deltalake as ours, except `expected` ones, which pass.

    Raises:
        StorageError: the store failed.
        StorageRefusedError: the store refused.
    """
    try:
        yield
    except expected:
        raise
    except (BaseError, DeltaError, OSError) as error:
        raise storage_failure(place, error) from cause(error)


def retry(
    call: Callable[[], _Result],
    on: type[PipelineError] = StorageError,
    sleep: Callable[[float], None] = time.sleep,
) -> _Result:
    """Return what `call` returns, retrying with backoff where it raises `on`; `call` must be safe to repeat."""
    for pause in PAUSES_SECONDS:
        try:
            return call()
        except on:
            sleep(pause)
    return call()


def retry_delta(url: str, call: Callable[[], _Result]) -> _Result:
    """Return what `call` on the Delta table at `url` returns, with retries; `call` must be safe to repeat.

    Raises:
        TableNotFoundError: there is no table.
        StorageError: the store failed each time.
        StorageRefusedError: the store refused.
    """

    def attempt() -> _Result:
        with translate_errors(url, TableNotFoundError):
            return call()

    return retry(attempt)
