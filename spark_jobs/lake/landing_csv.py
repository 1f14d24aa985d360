"""The landing zone as one CSV file per chunk, created with `If-None-Match`."""

from datetime import datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.errors import LandingZoneError
from spark_jobs.lake.chunk_csv import format_rows, parse_rows, read_columns, verify_lines
from spark_jobs.lake.layout import LANDING_ZONE, chunk_first_line, chunk_path
from spark_jobs.store.conditions import verify_conditional_writes
from spark_jobs.store.failures import retry
from spark_jobs.store.objects import Objects

if TYPE_CHECKING:
    import pandas as pd


class CsvLanding:
    """Chunks by their first line; each is created once and never changes.

    Attributes:
        ignores_case: whether columns must differ in more than case.
    """

    ignores_case = False

    def __init__(self, lake: Objects) -> None:
        self._lake = lake

    def place(self, first: int) -> str:
        """Return the full name of the chunk, for messages."""
        return self._lake.place(chunk_path(first))

    def create(self, first: int, rows: "pd.DataFrame") -> bool:
        """Create the chunk atomically; return False, changing nothing, if it exists."""
        created = self._lake.create(chunk_path(first), format_rows(rows))
        if first == 0:
            # The start of a lake: the chunk never changes, and does not count yet.
            verify_conditional_writes(self._lake, chunk_path(first))
        return created

    def rows(self, first: int) -> "pd.DataFrame":
        """Return all rows of the chunk: `line` as integers, everything else as text."""
        return parse_rows(self._bytes(first))

    def first_lines(self, start: int, limit: int) -> list[int]:
        """Return the first lines of at most `limit` chunks from line `start` on, in order."""
        # Without its suffix the name sorts before the chunk at `start`, so that this chunk is listed, too.
        after = chunk_path(start).removesuffix(".csv")
        return [chunk_first_line(path) for path in islice(self._lake.list_after(LANDING_ZONE, after), limit)]

    def first_line_since(self, time: datetime, end: int) -> int:
        """Return the first line of the first chunk below line `end` that was landed at or after a time, else `end`.

        Bisects, because a listing of all chunks would take a request for each 1,000 of them.
        """
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            found = next(self._lake.list_objects(LANDING_ZONE, chunk_path(middle).removesuffix(".csv")), None)
            if found is None or found.modified_at >= time:
                high = middle
            else:
                low = chunk_first_line(found.path) + 1
        return min([*self.first_lines(low, 1), end])

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        """Return those of `columns` that the chunk `[first, end)` has, null where empty.

        Raises:
            LandingZoneError: the chunk does not exist, or does not have exactly these lines.
        """
        table = read_columns(self._bytes(first), columns, self.place(first))
        verify_lines(table, first, end, self.place(first))
        return table

    def expire(self, line: int, landed_before: datetime) -> int:
        """Delete the chunks below `line` that were landed before a time, oldest first; return how many.

        The first chunk that stays ends the deletion, so that no gap arises.
        """
        # A chunk ends at `line`, so one that begins below it also ends there or below.
        old = takewhile(
            lambda found: chunk_first_line(found.path) < line and found.modified_at < landed_before,
            self._lake.list_objects(LANDING_ZONE),
        )
        expired = [found.path for found in old]
        self._lake.delete(expired)
        return len(expired)

    def _bytes(self, first: int) -> bytes:
        # The chunk has been listed, so a single "not found" may be wrong.
        return retry(lambda: self._find(first), on=LandingZoneError)

    def _find(self, first: int) -> bytes:
        found = self._lake.find(chunk_path(first))
        if found is None:
            msg = f"{self.place(first)} is missing; restore it from the bucket's versions"
            raise LandingZoneError(msg)
        return found.data
