"""`state/detector.json` and its history: what the outside can know of the detector without Spark."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from logging import Logger

import spark_jobs
from spark_jobs.errors import HistoryUnreadableError, PipelineError
from spark_jobs.lake.heartbeat_history import History, format_history, parse_history
from spark_jobs.lake.layout import HEARTBEAT, HISTORY
from spark_jobs.patterns.detections import Detection
from spark_jobs.store.objects import Objects

_SECONDS_BETWEEN_BEATS = 1.0


@dataclass
class Progress:
    """What the heartbeat says; the stream thread writes it, the heartbeat thread reads it.

    Attributes:
        committed_line: all lines below it are in the state.
        landed_line: the last one seen.
        last_batch_seconds: from taking up the last micro-batch to its commit.
        batches: committed since the start.
        detections: by pattern id, of all time.
        waiting: detections that wait for their file to be full.
        importance_etag: of the importance file in use, "" where there is none.
    """

    started_at: datetime
    committed_line: int
    landed_line: int
    importance_etag: str
    last_batch_seconds: float = 0.0
    batches: int = 0
    waiting: int = 0
    detections: Counter[str] = field(default_factory=Counter)

    def count(self, detections: Iterable[Detection]) -> None:
        """Add detections to the counts by pattern."""
        self.detections.update(detection.pattern_id for detection in detections)


class Heartbeat:
    """Writes the heartbeat once a second, on a thread of its own, so that no micro-batch waits for it."""

    def __init__(
        self,
        lake: Objects,
        progress: Progress,
        read_landed_line: Callable[[], int],
        now: Callable[[], datetime],
        log: Logger,
    ) -> None:
        self._lake = lake
        self._progress = progress
        self._read_landed_line = read_landed_line
        self._now = now
        self._log = log
        self._history: History | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Write a last time and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            last = self._stopping.is_set()
            try:
                self._beat(last)
            except PipelineError as error:
                # The detector lives without it; whoever watches sees that it is old.
                self._log.warning("heartbeat not written", extra={"fields": {"error": str(error)}})
            if last:
                return
            self._stopping.wait(_SECONDS_BETWEEN_BEATS)

    def _beat(self, last: bool) -> None:
        progress = self._progress
        landed = max(self._read_landed_line(), progress.committed_line)
        progress.landed_line = landed
        content = asdict(progress) | {
            "version": spark_jobs.__version__,
            "started_at": progress.started_at.isoformat(),
            "updated_at": self._now().isoformat(),
            "lag_lines": landed - progress.committed_line,
            "detections": dict(progress.detections),
        }
        self._lake.write(HEARTBEAT, json.dumps(content, indent=1).encode())
        if self._history is None:
            self._history = self._restore_history()
        # Once a minute, and when it ends.
        if self._history.observe(self._now(), landed, progress.committed_line) or last:
            self._lake.write(HISTORY, format_history(self._history.samples))

    def _restore_history(self) -> History:
        stored = self._lake.find(HISTORY)
        try:
            return History(parse_history(stored.data, self._lake.place(HISTORY)) if stored else ())
        except HistoryUnreadableError as error:
            self._log.warning("history begun anew", extra={"fields": {"error": str(error)}})
            return History()
