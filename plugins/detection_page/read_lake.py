"""The lake's small objects and listings; what never changes is read once."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from botocore.config import Config

from detection_page.facts import LakeFacts
from orchestration.lake import Lake, SourceFile, SourceMissingError
from orchestration.settings import Settings
from spark_jobs.errors import HeartbeatUnreadableError, HistoryUnreadableError, LandingZoneError, OffsetUnreadableError
from spark_jobs.lake import layout
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.heartbeat_history import Sample, parse_history
from spark_jobs.lake.offset import Offset
from spark_jobs.lake.quarantine import QUARANTINE_WINDOW_LINES, QuarantinedLine, parse_quarantine

# Who looks at a page wants to know soon that S3 does not answer.
PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})

_QUARANTINED_SHOWN = 20
_CHUNKS_REMEMBERED = 2000
_CHUNKS_LISTED_AT_FIRST = 1000
# It is written once a minute.
_SECONDS_BETWEEN_HISTORIES = 20


class LakeReader:
    """Reads one lake again and again. Every read raises botocore's errors where S3 fails."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._lake = Lake(settings, PATIENCE)
        self._behind: tuple[int, datetime] | None = None
        self._arrivals = _Arrivals(self._lake, settings.chunk_size)
        self._quarantine = _Quarantine(self._lake)
        self._history: tuple[Sample, ...] = ()
        self._history_error = ""
        self._history_read_at: datetime | None = None

    def read(self) -> LakeFacts:
        """Return how the lake is now."""
        offset, offset_error = self._read_offset()
        heartbeat, heartbeat_error = self._read_heartbeat()
        try:
            source = self._lake.source()
        except SourceMissingError:
            source = None
        landed = offset.next_line if offset else 0
        committed = heartbeat.committed_line if heartbeat else 0
        self._read_history()
        arrivals = self._arrivals.read(landed)
        window = min(landed, QUARANTINE_WINDOW_LINES)
        quarantined, latest = self._quarantine.read(landed - window)
        return LakeFacts(
            read_at=self._now(),
            settings=self._settings,
            source_size=source.size if source else None,
            behind_since=self._behind_since(source, offset) if source and not offset_error else None,
            offset=offset,
            offset_error=offset_error,
            heartbeat=heartbeat,
            heartbeat_error=heartbeat_error,
            uncommitted_since=self._lake.landed_at(committed) if committed < landed else None,
            landed_at=arrivals,
            quarantined=quarantined,
            quarantine_window=window,
            latest_quarantined=latest,
            history=self._history,
            history_error=self._history_error,
        )

    def _read_offset(self) -> tuple[Offset | None, str]:
        try:
            return self._lake.offset(), ""
        except OffsetUnreadableError as error:
            return None, str(error)

    def _read_heartbeat(self) -> tuple[Heartbeat | None, str]:
        try:
            return self._lake.heartbeat(), ""
        except HeartbeatUnreadableError as error:
            return None, str(error)

    def _read_history(self) -> None:
        now, before = self._now(), self._history_read_at
        if before is not None and now - before < timedelta(seconds=_SECONDS_BETWEEN_HISTORIES):
            return
        data = self._lake.find(layout.HISTORY)
        try:
            place = f"{self._settings.lake}/{layout.HISTORY}"
            self._history, self._history_error = parse_history(data, place) if data is not None else (), ""
        except HistoryUnreadableError as error:
            self._history, self._history_error = (), str(error)
        self._history_read_at = now

    def _behind_since(self, source: SourceFile, offset: Offset | None) -> datetime | None:
        """Return since when a whole line waits: since it was first seen to, or since the chunker left it there."""
        landed, start = (offset.next_line, offset.next_byte) if offset else (0, 0)
        if not self._lake.has_finished_line(start, source.size):
            self._behind = None
            return None
        if self._behind is None or self._behind[0] != landed:
            since = source.modified_at
            if offset:
                moved_at = datetime.fromisoformat(offset.updated_at)
                # Of a file that grew meanwhile nobody knows when it had the line: not before the offset was moved.
                since = moved_at if offset.source_etag == source.etag else max(moved_at, source.modified_at)
            self._behind = (landed, since)
        return self._behind[1]


class _Arrivals:
    """When the latest chunks were landed, each listed once."""

    def __init__(self, lake: Lake, chunk_size: int) -> None:
        self._lake = lake
        self._chunk_size = chunk_size
        self._after: str | None = None
        self._times: deque[datetime] = deque(maxlen=_CHUNKS_REMEMBERED)

    def read(self, landed: int) -> tuple[datetime, ...] | None:
        """Return the times, None where the landing zone holds no chunk files."""
        after = self._after
        if after is None:
            first = max(0, landed - _CHUNKS_LISTED_AT_FIRST * self._chunk_size)
            after = layout.chunk_path(first).removesuffix(".csv")
        try:
            for chunk in self._lake.list_after(layout.LANDING_ZONE, after):
                layout.chunk_first_line(chunk.path)
                self._times.append(chunk.modified_at)
                self._after = chunk.path
        except LandingZoneError:
            return None
        return tuple(self._times)


class _Quarantine:
    """Quarantined lines: names of files are listed once, and the latest files read once."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._paths: list[str] = []
        self._read: dict[str, tuple[QuarantinedLine, ...]] = {}

    def read(self, first: int) -> tuple[int, tuple[QuarantinedLine, ...]]:
        """Return how many lines from `first` on there are, and the latest of all, newest first."""
        after = self._paths[-1] if self._paths else ""
        self._paths += [entry.path for entry in self._lake.list_after(layout.QUARANTINE, after)]
        start = layout.quarantine_path(first)
        needed: dict[str, tuple[QuarantinedLine, ...]] = {}
        latest: list[QuarantinedLine] = []
        for path in reversed(self._paths):
            if path < start and len(latest) >= _QUARANTINED_SHOWN:
                break
            needed[path] = self._read[path] if path in self._read else self._parse(path)
            latest += reversed(needed[path])
        self._read = needed
        return sum(line.line >= first for line in latest), tuple(latest[:_QUARANTINED_SHOWN])

    def _parse(self, path: str) -> tuple[QuarantinedLine, ...]:
        # Maintenance may have deleted it meanwhile.
        data = self._lake.find(path)
        return parse_quarantine(data) if data is not None else ()
