"""Polling in the background while a test runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_BETWEEN_POLLS = 0.25


@contextmanager
def polling(poll: Callable[[], None]) -> Iterator[None]:
    """Call `poll` four times a second until the block ends, then raise its error, if any."""
    stopping = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            while not stopping.wait(_SECONDS_BETWEEN_POLLS):
                poll()
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    thread = threading.Thread(target=run, name="polling")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    if failures:
        raise failures[0]
