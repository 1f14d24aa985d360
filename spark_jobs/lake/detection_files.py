"""Detection files of exactly 50 rows, each created once; every writer produces the same bytes."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from spark_jobs.lake.layout import DETECTION_FILES, detection_file_number, detection_file_path
from spark_jobs.patterns.detections import Detection

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

ROWS_PER_FILE = 50
_IST = ZoneInfo("Asia/Kolkata")
_FILE_COLUMNS = ("YStartTime(IST)", "detectionTime(IST)", "patternId", "ActionType", "customerName", "MerchantId")
# How many files the first listing looks back; a detector writes its files in order, so only the last can be missing.
_FILES_LISTED_FIRST = 20


class DetectionFiles:
    """Writes file k once seq 50k to 50k+49 are known."""

    def __init__(
        self, lake: "Objects", next_seq: int = 0, stored: Callable[[int], list[Detection]] | None = None
    ) -> None:
        """Start from the rows of `state/detections`; files that a killed detector did not write come first.

        Args:
            lake: the lake that holds the files.
            next_seq: the number of rows in `state/detections`.
            stored: returns the rows from a sequence number on.
        """
        self._lake = lake
        self._waiting: list[Detection] = []
        self._missing = _missing(lake, next_seq, stored) if stored and next_seq else []

    @property
    def waiting(self) -> int:
        """The number of detections that wait until their file is full."""
        return len(self._waiting)

    def write_missing(self) -> int:
        """Write the full files that are missing; return how many."""
        missing, self._missing = self._missing, []
        return self.add(missing)

    def add(self, detections: Iterable[Detection]) -> int:
        """Add rows already committed to `state/detections`; return the number of files written."""
        self._waiting.extend(detections)
        files = 0
        while len(self._waiting) >= ROWS_PER_FILE:
            path, data = detection_file(self._waiting[:ROWS_PER_FILE])
            self._lake.create(path, data)
            del self._waiting[:ROWS_PER_FILE]
            files += 1
        return files


def detection_file(detections: Sequence[Detection]) -> tuple[str, bytes]:
    """Return the path and the bytes of the file of these 50 detections: a function of their rows alone.

    Raises:
        ValueError: they are not seq 50k to 50k+49.
    """
    number, rest = divmod(detections[0].seq, ROWS_PER_FILE)
    if rest or [d.seq for d in detections] != list(range(detections[0].seq, detections[0].seq + ROWS_PER_FILE)):
        msg = f"a file holds seq 50k to 50k+49, not {detections[0].seq} to {detections[-1].seq}"
        raise ValueError(msg)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_FILE_COLUMNS)
    writer.writerows(
        (_ist(d.started_at), _ist(d.detected_at), d.pattern_id, d.action, d.customer, d.merchant) for d in detections
    )
    return detection_file_path(int(detections[-1].detected_at.timestamp()), number), out.getvalue().encode()


def _missing(lake: "Objects", next_seq: int, stored: Callable[[int], list[Detection]]) -> list[Detection]:
    """Return the rows that no file holds, looking back until a file is found."""
    full = next_seq // ROWS_PER_FILE
    looked_for = _FILES_LISTED_FIRST
    while True:
        first = max(0, full - looked_for)
        rows = stored(first * ROWS_PER_FILE)
        if not full:
            return rows
        path, _ = detection_file(rows[:ROWS_PER_FILE])
        # File names sort by time, and "." sorts before ".csv": the listing includes `path` itself.
        after = path.removesuffix(".csv")
        written = {detection_file_number(found) for found in lake.list_after(DETECTION_FILES, after)}
        if first == 0 or first in written:
            return [row for row in rows if row.seq // ROWS_PER_FILE not in written]
        looked_for *= 4


def _ist(time: datetime) -> str:
    return time.astimezone(_IST).isoformat(timespec="microseconds")
