"""Writing the heartbeat and its history once a second, on a thread of its own."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from logging import Logger

import spark_jobs
from spark_jobs.errors import HistoryUnreadableError, PipelineError
from spark_jobs.lake.heartbeat import Heartbeat, write_heartbeat
from spark_jobs.lake.heartbeat_history import History, read_history, write_history
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.store.objects import Objects

_SECONDS_BETWEEN_BEATS = 1.0


class HeartbeatWriter:
    """Writes the heartbeat on its own thread, so that no micro-batch waits for it.

    Args:
        output: where the heartbeat is written.
        source: the lake whose landed line is read.
        progress: returns the detector's progress; landed line and time are filled in here.
        now: the clock, with a time zone.
        log: gets a warning if a heartbeat cannot be written.
    """

    def __init__(
        self,
        output: Objects,
        source: Objects,
        progress: Callable[[], Heartbeat],
        now: Callable[[], datetime],
        log: Logger,
    ) -> None:
        self._output = output
        self._source = source
        self._progress = progress
        self._now = now
        self._log = log
        self._history: History | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write a last heartbeat and end the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            last = self._stopping.is_set()
            try:
                self._beat(last)
            except PipelineError as error:
                # The detector runs without it; its readers see that it is old.
                self._log.warning("heartbeat not written", extra={"fields": {"error": str(error)}})
            if last:
                return
            self._stopping.wait(_SECONDS_BETWEEN_BEATS)

    def _beat(self, last: bool) -> None:
        landed = read_landed_line(self._source)
        progress = self._progress()
        beat = replace(
            progress,
            landed_line=max(landed, progress.committed_line),
            updated_at=self._now(),
            version=spark_jobs.__version__,
        )
        write_heartbeat(self._output, beat)
        if self._history is None:
            self._history = self._restore_history()
        # Written once a minute, and at the end.
        if self._history.observe(beat.updated_at, beat.landed_line, beat.committed_line) or last:
            write_history(self._output, self._history.samples)

    def _restore_history(self) -> History:
        try:
            return History(read_history(self._output))
        except HistoryUnreadableError as error:
            self._log.warning("history unreadable, starting a new one", extra={"fields": {"error": str(error)}})
            return History()
