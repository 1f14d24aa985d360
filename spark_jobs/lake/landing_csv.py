"""The landing zone as one CSV file per chunk, created with `If-None-Match`."""

from datetime import datetime
from itertools import islice, takewhile

import pandas as pd
import pyarrow as pa

from spark_jobs.errors import LandingZoneError
from spark_jobs.lake.chunk_csv import format_rows, parse_rows, read_columns, verify_lines
from spark_jobs.lake.layout import LANDING_ZONE, chunk_first_line, chunk_path
from spark_jobs.store.failures import retry
from spark_jobs.store.objects import Objects


class CsvLanding:
    """See `Landing`."""

    def __init__(self, lake: Objects) -> None:
        self._lake = lake

    def place(self, first: int) -> str:
        """See `Landing`."""
        return self._lake.place(chunk_path(first))

    def create(self, first: int, rows: pd.DataFrame) -> bool:
        """See `Landing`."""
        return self._lake.create(chunk_path(first), format_rows(rows))

    def rows(self, first: int) -> pd.DataFrame:
        """See `Landing`."""
        return parse_rows(self._bytes(first))

    def first_lines(self, start: int, limit: int) -> list[int]:
        """See `Landing`. The listing starts at `start`, so earlier chunks cost nothing."""
        # A prefix sorts before the whole name, so the chunk at `start` itself is listed.
        after = chunk_path(start).removesuffix(".csv")
        return [chunk_first_line(path) for path in islice(self._lake.list_after(LANDING_ZONE, after), limit)]

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        """See `Landing`."""
        table = read_columns(self._bytes(first), columns, self.place(first))
        verify_lines(table, first, end, self.place(first))
        return table

    def expire(self, line: int, landed_before: datetime) -> int:
        """See `Landing`. The listing ends at the first chunk that stays."""
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
