"""Polling in the background while somebody watches, so that no request waits for a slow source."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

# A read that takes longer is reported; the previous value stays.
_SLOW_SECONDS = 15.0


@dataclass(frozen=True)
class Polled(Generic[T]):
    """The state of a polled source.

    Attributes:
        value: of the last successful read; None before the first.
        read_at: when that read ended.
        error: why the last read failed, "" if it succeeded.
        failing_since: when the first of the failed reads began; None if the last one succeeded.
        version: the number of finished reads.
        tried_at: when the last read ended, successful or not.
    """

    value: T | None = None
    read_at: datetime | None = None
    error: str = ""
    failing_since: datetime | None = None
    version: int = 0
    tried_at: datetime | None = None


class Poller(Generic[T]):
    """Reads a source on a thread of `pool`, one read at a time, at most every so many seconds."""

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
        self._polled: Polled[T] = Polled()

    def poll(self) -> Polled[T]:
        """Return the last read at once, and start another one if it is due."""
        now = self._now()
        with self._lock:
            last = self._polled.tried_at
            due = last is None or (now - last).total_seconds() >= self._every_seconds
            if due and self._running_since is None:
                self._running_since = now
                self._pool.submit(self._run)
            began = self._running_since
            if began is None or (now - began).total_seconds() < _SLOW_SECONDS:
                return self._polled
            return replace(
                self._polled,
                error=self._polled.error or f"{self.name} does not respond",
                failing_since=self._polled.failing_since or began,
                tried_at=now,
            )

    def _run(self) -> None:
        error = ""
        value: T | None = None
        try:
            value = self._read()
        # The page must survive any error, and shows it.
        except Exception as raised:
            # Logged once, not every few seconds.
            if not self._polled.error:
                log.warning("%s cannot be read", self.name, exc_info=raised)
            error = f"{type(raised).__name__}: {raised}".strip().split("\n")[0][:500]
        with self._lock:
            before, ended_at = self._polled, self._now()
            if error:
                since = before.failing_since or self._running_since
                self._polled = Polled(before.value, before.read_at, error, since, before.version + 1, ended_at)
            else:
                self._polled = Polled(value, ended_at, "", None, before.version + 1, ended_at)
            self._running_since = None
