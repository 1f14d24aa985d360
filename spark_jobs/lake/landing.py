"""The landing zone: chunks by their first line, as CSV files or in a Delta table."""

from datetime import datetime
from typing import Protocol

import pandas as pd
import pyarrow as pa

from spark_jobs.lake.landing_csv import CsvLanding
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.lake.layout import LANDING_ZONE
from spark_jobs.store.objects import Objects

FORMATS = ("csv", "delta")


class Landing(Protocol):
    """Chunks by their first line; each is created once and never changes."""

    def place(self, first: int) -> str:
        """Return the full name of the chunk, for messages."""
        ...

    def create(self, first: int, rows: pd.DataFrame) -> bool:
        """Create the chunk atomically; return False, changing nothing, if it exists."""
        ...

    def rows(self, first: int) -> pd.DataFrame:
        """Return all rows of the chunk: `line` as integers, everything else as text."""
        ...

    def first_lines(self, start: int, limit: int) -> list[int]:
        """Return the first lines of at most `limit` chunks from line `start` on, in order."""
        ...

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        """Return those of `columns` that the chunk `[first, end)` has, null where empty.

        Raises:
            LandingZoneError: the chunk does not exist, or does not have exactly these lines.
        """
        ...

    def expire(self, line: int, landed_before: datetime) -> int:
        """Delete the chunks below `line` that were landed before a time; return how many.

        The oldest are deleted first and nothing behind one that stays, so that no gap arises.
        """
        ...


def open_landing(landing_format: str, lake: Objects) -> Landing:
    """Open the landing zone of a lake in one of `FORMATS`."""
    if landing_format == "delta":
        return DeltaLanding(lake.place(LANDING_ZONE))
    return CsvLanding(lake)
