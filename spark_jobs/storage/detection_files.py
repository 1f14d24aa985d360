"""Detections collected into files of 50, each created once, with the same bytes whoever creates it."""

from collections.abc import Iterable

from spark_jobs.core.detections import ROWS_PER_FILE, Detection, detection_file
from spark_jobs.core.names import DETECTION_FILES, detection_file_number
from spark_jobs.storage.objects import Objects


class DetectionFiles:
    """Writes file k as soon as seq 50k to 50k+49 are there."""

    def __init__(self, lake: Objects, stored: Iterable[Detection]) -> None:
        """Begin with all rows of `state/detections`: files that a killed detector left out are written first."""
        self._lake = lake
        self._waiting: list[Detection] = []
        written = {detection_file_number(path) for path in lake.list_after(DETECTION_FILES, "")}
        self._missing = [d for d in stored if d.seq // ROWS_PER_FILE not in written]

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
