"""Landing times of chunks, from a listing of the landing zone; needs neither pandas nor the chunks themselves."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from spark_jobs.lake.heartbeat_history import read_history
from spark_jobs.lake.layout import LANDING_ZONE, OFFSET, chunk_path, is_chunk
from spark_jobs.lake.offset import Offset

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

_REMEMBERED = 2000
_LISTED_AT_FIRST = 1000


def uncommitted_since(
    lake: "Objects", offset: Offset | None, committed_line: int, detector_fast: timedelta = timedelta()
) -> datetime | None:
    """Return when the oldest landed chunk that is not committed was landed, or None if all are committed.

    The time is by the store's clock. The chunks of a Delta landing zone are not files of their own. There it is the
    minute in which the detector first saw the line, or, if it has not seen it, the time of the latest landing.

    Args:
        detector_fast: how far the detector's clock is ahead of the store's.
    """
    if offset is None or offset.next_line <= committed_line:
        return None
    found = next(lake.list_objects(LANDING_ZONE, _before(committed_line)), None)
    if found is None or is_chunk(found.path):
        return found.modified_at if found else None
    for sample in read_history(lake):
        if sample.landed_line > committed_line:
            return datetime.fromtimestamp(sample.minute * 60, UTC) - detector_fast
    landed = lake.head(OFFSET)
    return landed.modified_at if landed else None


class LandingTimes:
    """When the latest chunks were landed; each is listed once."""

    def __init__(self, lake: "Objects", chunk_size: int) -> None:
        self._lake = lake
        self._chunk_size = chunk_size
        self._after: str | None = None
        self._times: deque[datetime] = deque(maxlen=_REMEMBERED)

    def read(self, landed_line: int) -> tuple[datetime, ...] | None:
        """Return the times, oldest first, or None if the landing zone is a Delta table."""
        after = self._after or _before(max(0, landed_line - _LISTED_AT_FIRST * self._chunk_size))
        for chunk in self._lake.list_objects(LANDING_ZONE, after):
            if not is_chunk(chunk.path):
                return None
            self._times.append(chunk.modified_at)
            self._after = chunk.path
        return tuple(self._times)


def _before(line: int) -> str:
    """Return what sorts just before the chunk at `line`, so that a listing includes this chunk."""
    return chunk_path(line).removesuffix(".csv")
