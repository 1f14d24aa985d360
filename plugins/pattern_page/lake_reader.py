"""The lake's small objects and listings; what never changes is read once, and no read is larger than its limit."""

from collections.abc import Callable
from datetime import datetime, timedelta

from orchestration.observe import Observer
from orchestration.settings import Settings
from orchestration.storage import Storage
from pattern_page.capped_objects import CappedObjects
from pattern_page.snapshots import LakeSnapshot
from spark_jobs.errors import HistoryUnreadableError, OffsetUnreadableError
from spark_jobs.lake.heartbeat_history import Sample, read_history
from spark_jobs.lake.landing_times import LandingTimes
from spark_jobs.lake.layout import quarantine_path
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.lake.quarantine import QUARANTINE_WINDOW_LINES

_QUARANTINED_SHOWN = 20
# Chunks back from the landed line in which the latest quarantined lines are looked for.
_CHUNKS_LISTED = 1000
# The detector writes it once a minute.
_HISTORY_INTERVAL = timedelta(seconds=20)


class LakeReader:
    """Reads one lake repeatedly. Every read raises `StorageError` or `StorageRefusedError` if S3 fails."""

    def __init__(self, settings: Settings, storage: Storage, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._lake = CappedObjects(storage.lake)
        self._now = now
        self._observer = Observer(self._lake, storage.master_file, latest_quarantined=_QUARANTINED_SHOWN)
        self._landing_times = LandingTimes(self._lake, settings.chunk_size)
        self._history: tuple[Sample, ...] = ()
        self._history_error = ""
        self._history_read_at: datetime | None = None

    def read(self) -> LakeSnapshot:
        """Return the present state of the lake."""
        self._lake.start_poll()
        if not self._lake.quarantine_after:
            self._lake.quarantine_after = self._before_latest()
        self._read_history()
        seen = self._observer.observe()
        times = self._landing_times.read(seen.landed_line)
        first = quarantine_path(seen.landed_line - seen.window)
        self._lake.capped = {path for path in self._lake.capped if path >= first}
        return LakeSnapshot(seen, self._settings, times, self._history, self._history_error, bool(self._lake.capped))

    def _before_latest(self) -> str:
        """Return a path before the quarantine files that are of interest."""
        try:
            landed = read_landed_line(self._lake)
        except OffsetUnreadableError:
            # The observation reports it; without a landed line there is no window either.
            return ""
        back = max(QUARANTINE_WINDOW_LINES, _CHUNKS_LISTED * self._settings.chunk_size)
        return quarantine_path(max(0, landed - back)).removesuffix(".csv")

    def _read_history(self) -> None:
        now = self._now()
        if self._history_read_at is not None and now - self._history_read_at < _HISTORY_INTERVAL:
            return
        try:
            self._history, self._history_error = read_history(self._lake), ""
        except HistoryUnreadableError as error:
            self._history, self._history_error = (), str(error)
        self._history_read_at = now
