"""Looks at the machine's processes again and again, from a thread of its own, while a test goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_BETWEEN_LOOKS = 0.25


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` four times a second, from now to the end of the block."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(_SECONDS_BETWEEN_LOOKS):
            look()

    thread = threading.Thread(target=run, name="looking")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
