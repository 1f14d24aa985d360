"""Something that is read again and again while somebody looks, in the background: whoever asks never waits for it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

# A read that takes longer is told to those who look; they go on seeing what was read before.
_SLOW_SECONDS = 15.0


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What was read last.

    Attributes:
        value: of the last read that went well; None before the first.
        read_at: when that one ended.
        error: why the last read failed, "" where it went well.
        failing_since: when the first of the failed reads began, None where the last one went well.
        version: grows with every read that ended.
        tried_at: when that read ended, well or not.
    """

    value: T | None = None
    read_at: datetime | None = None
    error: str = ""
    failing_since: datetime | None = None
    version: int = 0
    tried_at: datetime | None = None


class Watched(Generic[T]):
    """Reads a value at most every so many seconds, on somebody else's thread, one read at a time."""

    def __init__(
        self, name: str, read: Callable[[], T], every_seconds: float, pool: Executor, now: Callable[[], datetime]
    ) -> None:
        self.name = name
        self._read = read
        self._every_seconds = every_seconds
        self._pool = pool
        self._now = now
        self._lock = threading.Lock()
        self._running_since: datetime | None = None
        self._ended_at: datetime | None = None
        self._seen: Seen[T] = Seen()

    def look(self) -> Seen[T]:
        """Return what was read last, at once; begin to read again where it is time."""
        now = self._now()
        with self._lock:
            due = self._ended_at is None or (now - self._ended_at).total_seconds() >= self._every_seconds
            if due and self._running_since is None:
                self._running_since = now
                self._pool.submit(self._run)
            return self._with_slowness(now)

    def _with_slowness(self, now: datetime) -> Seen[T]:
        began = self._running_since
        if began is None or (now - began).total_seconds() < _SLOW_SECONDS:
            return self._seen
        seen = self._seen
        return Seen(
            seen.value,
            seen.read_at,
            seen.error or f"{self.name} does not answer",
            seen.failing_since or began,
            seen.version,
            now,
        )

    def _run(self) -> None:
        error = ""
        value: T | None = None
        try:
            value = self._read()
        # Whatever it is, the page lives and says so.
        except Exception as raised:
            # Told once, not every few seconds for as long as it lasts.
            if not self._seen.error:
                log.warning("%s was not read", self.name, exc_info=raised)
            error = f"{type(raised).__name__}: {raised}".strip().split("\n")[0][:500]
        with self._lock:
            before = self._seen
            self._ended_at = self._now()
            if error:
                since = before.failing_since or self._running_since
                self._seen = Seen(before.value, before.read_at, error, since, before.version + 1, self._ended_at)
            else:
                self._seen = Seen(value, self._ended_at, "", None, before.version + 1, self._ended_at)
            self._running_since = None
