"""Detections collected into files of 50, each created once, with the same bytes whoever creates it."""

from collections.abc import Callable, Iterable

from spark_jobs.core.detections import ROWS_PER_FILE, Detection, detection_file
from spark_jobs.core.names import DETECTION_FILES, detection_file_number
from spark_jobs.storage.objects import Objects

# Looked for at first; a detector writes its files in order, so that those that are missing are the last ones.
_FILES_LOOKED_FOR = 20


class DetectionFiles:
    """Writes file k as soon as seq 50k to 50k+49 are there."""

    def __init__(
        self, lake: Objects, next_seq: int = 0, stored: Callable[[int], list[Detection]] | None = None
    ) -> None:
        """Begin with the rows of `state/detections`: files that a killed detector left out are written first.

        Args:
            lake: where the files go.
            next_seq: how many rows there are.
            stored: returns the rows from a number on.
        """
        self._lake = lake
        self._waiting: list[Detection] = []
        self._missing = _missing(lake, next_seq, stored) if stored and next_seq else []

    @property
    def waiting(self) -> int:
        """How many detections wait for their file to be full."""
        return len(self._waiting)

    def write_missing(self) -> int:
        """Write the full files that are not there; return how many."""
        missing, self._missing = self._missing, []
        return self.add(missing)

    def add(self, detections: Iterable[Detection]) -> int:
        """Add rows that are in `state/detections` now; return how many files became full and were written."""
        self._waiting.extend(detections)
        files = 0
        while len(self._waiting) >= ROWS_PER_FILE:
            path, data = detection_file(self._waiting[:ROWS_PER_FILE])
            self._lake.create(path, data)
            del self._waiting[:ROWS_PER_FILE]
            files += 1
        return files


def _missing(lake: Objects, next_seq: int, stored: Callable[[int], list[Detection]]) -> list[Detection]:
    """Return the rows that are in no file; looks back until it finds a file that is there."""
    full = next_seq // ROWS_PER_FILE
    looked_for = _FILES_LOOKED_FOR
    while True:
        first = max(0, full - looked_for)
        rows = stored(first * ROWS_PER_FILE)
        if not full:
            return rows
        path, _ = detection_file(rows[:ROWS_PER_FILE])
        # Their names are in order of time; the one before begins the list.
        after = path.removesuffix(".csv")
        written = {detection_file_number(found) for found in lake.list_after(DETECTION_FILES, after)}
        if first == 0 or first in written:
            return [row for row in rows if row.seq // ROWS_PER_FILE not in written]
        looked_for *= 4
