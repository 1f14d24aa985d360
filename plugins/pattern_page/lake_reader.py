"""The lake's small objects and listings; what never changes is read once."""

from collections.abc import Callable
from datetime import datetime, timedelta

from orchestration.observe import Observer
from orchestration.settings import Settings
from orchestration.storage import Storage
from pattern_page.snapshots import LakeSnapshot
from spark_jobs.errors import HistoryUnreadableError
from spark_jobs.lake.heartbeat_history import Sample, read_history
from spark_jobs.lake.landing_times import LandingTimes

_QUARANTINED_SHOWN = 20
# The detector writes it once a minute.
_HISTORY_INTERVAL = timedelta(seconds=20)


class LakeReader:
    """Reads one lake repeatedly. Every read raises `StorageError` or `StorageRefusedError` if S3 fails."""

    def __init__(self, settings: Settings, storage: Storage, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._storage = storage
        self._now = now
        self._observer = Observer(storage.lake, storage.master_file, storage.now, latest_quarantined=_QUARANTINED_SHOWN)
        self._landing_times = LandingTimes(storage.lake, settings.chunk_size)
        self._history: tuple[Sample, ...] = ()
        self._history_error = ""
        self._history_read_at: datetime | None = None

    def read(self) -> LakeSnapshot:
        """Return the present state of the lake."""
        self._read_history()
        seen = self._observer.observe()
        times = self._landing_times.read(seen.landed_line)
        return LakeSnapshot(seen, self._settings, times, self._history, self._history_error)

    def _read_history(self) -> None:
        now = self._now()
        if self._history_read_at is not None and now - self._history_read_at < _HISTORY_INTERVAL:
            return
        try:
            self._history, self._history_error = read_history(self._storage.lake), ""
        except HistoryUnreadableError as error:
            self._history, self._history_error = (), str(error)
        self._history_read_at = now
