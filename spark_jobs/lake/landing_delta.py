"""The landing zone as a Delta table: one append per chunk, with the application transaction `(chunker, first line)`.

Each data file is one chunk, from its minimum to its maximum `line`; the table must not be compacted.
"""

from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from spark_jobs.columns import LINE
from spark_jobs.errors import LandingZoneError, OffsetRaceLostError
from spark_jobs.lake.chunk_csv import verify_lines
from spark_jobs.store.delta import missing_columns
from spark_jobs.store.line_table import CommitRaceLostError, LineTable, open_table
from spark_jobs.store.new_table import NewTable, open_or_create_table

if TYPE_CHECKING:
    import pandas as pd

APPLICATION = "chunker"


class DeltaLanding:
    """Chunks by their first line, see `CsvLanding`."""

    ignores_case = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._reading: LineTable | None = None

    def place(self, first: int) -> str:
        return f"{self._url} (the chunk at line {first})"

    def create(self, first: int, rows: "pd.DataFrame") -> bool:
        data = pa.Table.from_pandas(rows, preserve_index=False)
        # Delta has a single text type; pandas uses large strings.
        schema = pa.schema([(name, pa.int64() if name == LINE else pa.string()) for name in data.column_names])
        table = open_or_create_table(self._url, APPLICATION, NewTable(schema))
        if table.line is not None and table.line >= first:
            return self._exists(table, first)
        try:
            table.append(data.cast(schema), first)
        except CommitRaceLostError:
            return False
        return True

    def rows(self, first: int) -> "pd.DataFrame":
        table = self._table(first)
        extents = dict(_extents(table.handle))
        if first not in extents:
            raise self._missing(first)
        chunk = (pc.field(LINE) >= first) & (pc.field(LINE) <= extents[first])
        rows: pd.DataFrame = table.read(rows=chunk).sort_by(LINE).to_pandas()
        return rows.astype({name: "str" for name in rows.columns if name != LINE})

    def first_lines(self, start: int, limit: int) -> list[int]:
        if self._reading is None:
            self._reading = open_table(self._url, APPLICATION)
        else:
            self._reading.update()
        if self._reading is None:
            return []
        return sorted(low for low, _ in _extents(self._reading.handle) if low >= start)[:limit]

    def first_line_since(self, time: datetime, end: int) -> int:
        table = open_table(self._url, APPLICATION)
        landed = _landed(table) if table else []
        return min([first for first, _, at in landed if at >= time and first < end], default=end)

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        landed = self._table(first)
        missing = missing_columns(landed.handle, pa.schema(columns))
        present = {name: kind for name, kind in columns.items() if name not in missing}
        chunk = (pc.field(LINE) >= first) & (pc.field(LINE) < end)
        table = landed.read(list(present), chunk).sort_by(LINE)
        verify_lines(table, first, end, self.place(first))
        return pa.table({name: _typed(table.column(name), kind) for name, kind in present.items()})

    def expire(self, line: int, landed_before: datetime) -> int:
        # One commit; a vacuum deletes the files later.
        table = open_table(self._url, APPLICATION)
        if table is None:
            return 0
        old = list(takewhile(lambda chunk: chunk[1] < line and chunk[2] < landed_before, _landed(table)))
        if old:
            table.delete_below(old[-1][1] + 1)
        return len(old)

    def _missing(self, first: int) -> LandingZoneError:
        return LandingZoneError(f"{self.place(first)} is missing; restore the table")

    def _table(self, first: int) -> LineTable:
        table = open_table(self._url, APPLICATION)
        if table is None:
            raise self._missing(first)
        return table

    def _exists(self, table: LineTable, first: int) -> bool:
        if first not in dict(_extents(table.handle)):
            msg = f"{self.place(first)}: another run is already at line {table.line}; nothing was changed"
            raise OffsetRaceLostError(msg)
        return False


def _extents(table: DeltaTable) -> list[tuple[int, int]]:
    """Return the first and the last line of each chunk."""
    files = pa.table(table.get_add_actions(flatten=True))
    return list(zip(files.column(f"min.{LINE}").to_pylist(), files.column(f"max.{LINE}").to_pylist(), strict=True))


def _landed(table: LineTable) -> list[tuple[int, int, datetime]]:
    """Return the first and the last line of each chunk, and when it was landed, in order."""
    files = pa.table(table.handle.get_add_actions(flatten=True)).sort_by(f"min.{LINE}")
    landed_at = files.column("modification_time").cast(pa.timestamp("ms", "UTC"))
    columns = (files.column(f"min.{LINE}"), files.column(f"max.{LINE}"), landed_at)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Cast a text column, "" to null; other columns stay as they are."""
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), None, column).cast(kind)
