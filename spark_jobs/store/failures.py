"""Failures of object storage: which are worth a retry, what the user can do, and the retries themselves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError

from spark_jobs.errors import PipelineError, StorageError, StorageRefusedError, TableFeatureError
from spark_jobs.store.error_codes import (
    ENVIRONMENT,
    Access,
    has_secret,
    parse_store_error,
    permanent_remedy,
    redact,
    retryable_remedy,
)
from spark_jobs.store.table_features import feature_failure

# Pauses between attempts once a client has given up, such as on a response cut short.
PAUSES_SECONDS = (0.1, 0.5, 2.0)
# What both clients are configured with: retries of one request, seconds for all of them, seconds for one attempt.
MAX_RETRIES = 6
RETRY_SECONDS = 30
REQUEST_SECONDS = 30

_Result = TypeVar("_Result")

_TEXT_LIMIT = 500


def storage_failure(
    place: str, error: Exception, access: Access = ENVIRONMENT
) -> StorageError | StorageRefusedError | TableFeatureError:
    """Return the error to raise, `from cause(error)`, where a client of an object store has given up.

    Args:
        place: full name of what was read or written.
        error: the client's; the response of the store may be anywhere in its text.
        access: how the client was opened.
    """
    text = str(error)
    if failure := feature_failure(place, error):
        return failure
    found = parse_store_error(text)
    remedy = permanent_remedy(found, access) if found else None
    if found and remedy:
        return StorageRefusedError(f"{place}: the store refuses it ({found.name}); {remedy}")
    said = found.name if found and found.code else redact(text.strip()).split("\n")[0][:_TEXT_LIMIT]
    return StorageError(f"{place}: {said}; {retryable_remedy(found, access)}")


def cause(error: Exception) -> Exception | None:
    """Return an error as the `__cause__` of ours; None where its text contains a secret."""
    return None if has_secret(str(error)) else error


@contextmanager
def translate_errors(place: str, *expected: type[Exception], access: Access = ENVIRONMENT) -> Iterator[None]:
    """Raise errors of obstore and deltalake as ours, except `expected` ones, which pass.

    Raises:
        StorageError: the store failed.
        StorageRefusedError: the store refused.
        TableFeatureError: a Delta table has a feature that `deltalake` does not support.
    """
    try:
        yield
    except expected:
        raise
    except (BaseError, DeltaError, OSError) as error:
        raise storage_failure(place, error, access) from cause(error)


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
