"""The landing zone as a Delta table: one append a chunk, with the application transaction `(chunker, first line)`.

A chunk is one data file of the table, its extent the file's least and greatest `line`; the table must not be compacted.
"""

from datetime import datetime
from itertools import takewhile

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from spark_jobs.columns import LINE
from spark_jobs.errors import LandingZoneError, OffsetRaceLostError
from spark_jobs.lake.chunk_csv import verify_lines
from spark_jobs.store.delta import missing_columns
from spark_jobs.store.line_table import CommitRaceLostError, LineTable, open_or_create_table, open_table

APPLICATION = "chunker"


class DeltaLanding:
    """See `Landing`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._reading: LineTable | None = None

    def place(self, first: int) -> str:
        """See `Landing`."""
        return f"{self._url} (the chunk at line {first})"

    def create(self, first: int, rows: pd.DataFrame) -> bool:
        """See `Landing`."""
        data = pa.Table.from_pandas(rows, preserve_index=False)
        # Delta knows one kind of text.
        schema = pa.schema([(name, pa.int64() if name == LINE else pa.string()) for name in data.column_names])
        table = open_or_create_table(self._url, APPLICATION, schema)
        if table.line is not None and table.line >= first:
            return self._taken(table, first)
        try:
            table.append(data.cast(schema), first)
        except CommitRaceLostError:
            return False
        return True

    def rows(self, first: int) -> pd.DataFrame:
        """See `Landing`."""
        table = self._table(first)
        extents = dict(_extents(table.handle))
        if first not in extents:
            msg = f"{self.place(first)} is gone; restore the table"
            raise LandingZoneError(msg)
        chunk = (pc.field(LINE) >= first) & (pc.field(LINE) <= extents[first])
        rows: pd.DataFrame = table.read(rows=chunk).sort_by(LINE).to_pandas()
        return rows.astype({name: "str" for name in rows.columns if name != LINE})

    def first_lines(self, start: int, limit: int) -> list[int]:
        """See `Landing`."""
        if self._reading is None:
            self._reading = open_table(self._url, APPLICATION)
        else:
            self._reading.update()
        if self._reading is None:
            return []
        return sorted(low for low, _ in _extents(self._reading.handle) if low >= start)[:limit]

    def read(self, first: int, end: int, columns: dict[str, pa.DataType]) -> pa.Table:
        """See `Landing`."""
        landed = self._table(first)
        missing = missing_columns(landed.handle, pa.schema(columns))
        held = {name: kind for name, kind in columns.items() if name not in missing}
        chunk = (pc.field(LINE) >= first) & (pc.field(LINE) < end)
        table = landed.read(list(held), chunk).sort_by(LINE)
        verify_lines(table, first, end, self.place(first))
        return pa.table({name: _typed(table.column(name), kind) for name, kind in held.items()})

    def expire(self, line: int, landed_before: datetime) -> int:
        """See `Landing`. One commit; the files themselves go when the table is vacuumed."""
        table = open_table(self._url, APPLICATION)
        if table is None:
            return 0
        files = pa.table(table.handle.get_add_actions(flatten=True)).sort_by(f"min.{LINE}")
        landed_at = files.column("modification_time").cast(pa.timestamp("ms", "UTC")).to_pylist()
        last = files.column(f"max.{LINE}").to_pylist()
        old = list(
            takewhile(lambda chunk: chunk[0] < line and chunk[1] < landed_before, zip(last, landed_at, strict=True))
        )
        if old:
            table.delete_below(old[-1][0] + 1)
        return len(old)

    def _table(self, first: int) -> LineTable:
        table = open_table(self._url, APPLICATION)
        if table is None:
            msg = f"{self.place(first)} is gone; restore the table"
            raise LandingZoneError(msg)
        return table

    def _taken(self, table: LineTable, first: int) -> bool:
        if first not in dict(_extents(table.handle)):
            msg = f"{self.place(first)}: another run is already at line {table.line}; this run has changed nothing"
            raise OffsetRaceLostError(msg)
        return False


def _extents(table: DeltaTable) -> list[tuple[int, int]]:
    """Return the first and the last line of each chunk."""
    files = pa.table(table.get_add_actions(flatten=True))
    return list(zip(files.column(f"min.{LINE}").to_pylist(), files.column(f"max.{LINE}").to_pylist(), strict=True))


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column of text as another type, null where it is empty; numbers stay what they are."""
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), None, column).cast(kind)
