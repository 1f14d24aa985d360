"""Trying again, with growing pauses, what a client gave up: an answer cut in the middle, or one it took for another.

The clients themselves retry what they can: refused connections, time-outs, and answers from 500 on, for 30 seconds.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from spark_jobs.errors import StorageError

PAUSES_SECONDS = (0.1, 0.5, 2.0)
# What both clients are told: how often one request is sent, and how long all of that may take.
MAX_RETRIES = 6
RETRY_SECONDS = 30
REQUEST_SECONDS = 30

_Result = TypeVar("_Result")


def retried(call: Callable[[], _Result]) -> _Result:
    """Return what `call` returns, trying again where it raises `StorageError`; it must be harmless to repeat."""
    for pause in PAUSES_SECONDS:
        try:
            return call()
        except StorageError:
            time.sleep(pause)
    return call()
