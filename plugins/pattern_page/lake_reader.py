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
# Listings begin this many chunks before the landed line, and begin anew there after as many, or after a break, so that
# neither their length nor what is remembered of them grows.
_CHUNKS_LISTED = 1000
_BREAK = timedelta(minutes=10)
# The detector writes it once a minute.
_HISTORY_INTERVAL = timedelta(seconds=20)


class LakeReader:
    """Reads one lake repeatedly. Every read raises `StorageError` or `StorageRefusedError` if S3 fails."""

    def __init__(self, settings: Settings, storage: Storage, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._storage = storage
        self._lake = CappedObjects(storage.lake)
        self._now = now
        self._observer: Observer | None = None
        self._landing_times: LandingTimes
        self._opened_line = 0
        self._read_at: datetime | None = None
        self._history: tuple[Sample, ...] = ()
        self._history_error = ""
        self._history_read_at: datetime | None = None

    def read(self) -> LakeSnapshot:
        """Return the present state of the lake."""
        now = self._now()
        self._lake.start_poll()
        if self._observer is None or self._read_at is None or now - self._read_at > _BREAK:
            self._observer = self._open(self._observer)
        self._read_history()
        seen = self._observer.observe()
        times = self._landing_times.read(seen.landed_line)
        first = quarantine_path(seen.landed_line - seen.window)
        self._lake.capped = {path for path in self._lake.capped if path >= first}
        farther = seen.landed_line - self._opened_line > _CHUNKS_LISTED * self._settings.chunk_size
        self._read_at = None if farther else now
        return LakeSnapshot(seen, self._settings, times, self._history, self._history_error, bool(self._lake.capped))

    def _open(self, before: Observer | None) -> Observer:
        """Begin the listings near the landed line, and keep what is known of the master file."""
        try:
            self._opened_line = read_landed_line(self._lake)
        except OffsetUnreadableError:
            # The observation reports it.
            self._opened_line = 0
        back = max(QUARANTINE_WINDOW_LINES, _CHUNKS_LISTED * self._settings.chunk_size)
        self._lake.quarantine_after = quarantine_path(max(0, self._opened_line - back)).removesuffix(".csv")
        self._landing_times = LandingTimes(self._lake, self._settings.chunk_size)
        arrivals = before.arrivals if before else ()
        return Observer(
            self._lake,
            self._storage.master_file,
            self._storage.now,
            arrivals,
            latest_quarantined=_QUARANTINED_SHOWN,
        )

    def _read_history(self) -> None:
        now = self._now()
        if self._history_read_at is not None and now - self._history_read_at < _HISTORY_INTERVAL:
            return
        try:
            self._history, self._history_error = read_history(self._lake), ""
        except HistoryUnreadableError as error:
            self._history, self._history_error = (), str(error)
        self._history_read_at = now
