"""Looks at the machine's processes again and again, from a thread of its own, while a test goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_BETWEEN_LOOKS = 0.25


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` four times a second, from now to the end of the block; what it raises, this does at the end."""
    stopping = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            while not stopping.wait(_SECONDS_BETWEEN_LOOKS):
                look()
        except Exception as error:  # noqa: BLE001 - raised where it can be seen
            failures.append(error)

    thread = threading.Thread(target=run, name="looking")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    if failures:
        raise failures[0]
