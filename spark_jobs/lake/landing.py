"""The landing zone, in both formats: chunks by their first line."""

from datetime import datetime
from typing import Protocol

import pandas as pd
import pyarrow as pa

from spark_jobs.lake import layout
from spark_jobs.lake.landing_csv import CsvLanding
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.store.objects import Objects

FORMATS = ("csv", "delta")


class Landing(Protocol):
    """Chunks by their first line; a chunk is created once and never changes."""

    def place(self, first: int) -> str:
        """Return the full name of the chunk, for messages."""
        ...

    def create(self, first: int, rows: pd.DataFrame) -> bool:
        """Create the chunk in one atomic step; return False, changing nothing, where there is one already."""
        ...

    def rows(self, first: int) -> pd.DataFrame:
        """Return all rows of the chunk: `line` as integers, all else as text."""
        ...

    def first_lines(self, start: int, limit: int) -> list[int]:
        """Return the first lines of at most `limit` chunks that begin at line `start` or later, in order."""
        ...

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        """Return those of `columns` that the chunk `[first, end)` has, null where empty.

        Raises:
            LandingZoneError: there is no such chunk, or it does not hold exactly these lines.
        """
        ...

    def expire(self, line: int, landed_before: datetime) -> int:
        """Delete the chunks that end at `line` or below and were landed before that time; return how many.

        From the oldest on, so that what is left has no gap.
        """
        ...


def open_landing(landing_format: str, lake: Objects) -> Landing:
    """Open the landing zone of a lake in one of `FORMATS`."""
    if landing_format == "delta":
        return DeltaLanding(lake.place(layout.LANDING_ZONE))
    return CsvLanding(lake)
