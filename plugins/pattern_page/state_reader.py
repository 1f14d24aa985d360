"""Detections and merchants from the state's Delta tables; after the first read only appended rows are read."""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from pattern_page.detection_table import Detections
from pattern_page.merchants import latest_rows, with_detections
from pattern_page.snapshots import TablesSnapshot
from spark_jobs.errors import PipelineError, StateError
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import verify_state_version
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import with_columns
from spark_jobs.store.failures import translate_errors


class GrowingTable:
    """An append-only Delta table, read from some value of a column on.

    Compaction rewrites files, not rows: the column's minima and maxima in the log tell which files to open.
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self._url = url
        self._options = dict(options)
        self._table: DeltaTable | None = None
        self._read_version = -1

    @property
    def version(self) -> str:
        """The version read last; different if the table was recreated."""
        return f"{self._table.metadata().id}:{self._read_version}" if self._table else ""

    def read_above(self, column: str, value: int) -> pa.Table | None:
        """Return the rows whose `column` is above a value, or None if the table is unchanged or missing.

        Raises:
            StateError: the table was written by another release.
            StorageError, StorageRefusedError: it cannot be read.
        """
        with translate_errors(self._url):
            table = self._open()
            if table is None or table.version() == self._read_version:
                return None
            verify_state_version(table, self._url)
            rows = table.to_pyarrow_dataset().to_table(filter=pc.field(column) > value)
            self._read_version = table.version()
            return rows

    def read_equal(self, column: str, value: str) -> pa.Table | None:
        """Return the rows with a value in a column, or None without a table; raises as `read_above` does."""
        with translate_errors(self._url):
            table = self._open()
            return table.to_pyarrow_dataset().to_table(filter=pc.field(column) == value) if table else None

    def _open(self) -> DeltaTable | None:
        if self._table is not None:
            self._table.update_incremental()
            return self._table
        try:
            self._table = DeltaTable(self._url, storage_options=self._options)
        except TableNotFoundError:
            return None
        return self._table


class StateReader:
    """Reads one lake's state repeatedly, and keeps its rows.

    Args:
        lake: the lake's URL.
        options: returns the storage options for `deltalake`, with credentials that are valid now.
    """

    def __init__(self, lake: str, options: Callable[[], Mapping[str, str]]) -> None:
        self._lake = lake
        self._options = options
        self._opened_with: Mapping[str, str] | None = None
        self._detections_table: GrowingTable
        self._merchants_table: GrowingTable
        self._detections = Detections()
        self._merchants: pa.Table = MERCHANTS_SCHEMA.empty_table()
        self._snapshot = TablesSnapshot()

    def read(self) -> TablesSnapshot:
        """Return detections and merchants; the same object if nothing was appended.

        Raises:
            StorageError, StorageRefusedError: they cannot be read; the next call reads everything again.
        """
        try:
            self._open()
            detections = self._detections_table.read_above("seq", len(self._detections) - 1)
            last_line = pc.max(self._merchants["line"]).as_py()
            merchants = self._merchants_table.read_above("line", -1 if last_line is None else last_line)
        except StateError as error:
            return TablesSnapshot(refused=str(error))
        except PipelineError:
            # The tables may have been recreated.
            self._opened_with, self._snapshot = None, TablesSnapshot()
            self._detections, self._merchants = Detections(), MERCHANTS_SCHEMA.empty_table()
            raise
        if detections is None and merchants is None:
            return self._snapshot
        if detections is not None:
            self._detections = self._detections.with_rows(with_columns(detections, DETECTIONS_SCHEMA))
        if merchants is not None:
            self._merchants = latest_rows(self._merchants, with_columns(merchants, MERCHANTS_SCHEMA))
        version = f"{self._detections_table.version}/{self._merchants_table.version}"
        merchants = with_detections(self._merchants, self._detections.rows)
        self._snapshot = TablesSnapshot(version, self._detections, merchants)
        return self._snapshot

    def history(self, merchant: str) -> pa.Table:
        """Return all rows of one merchant; the time grows with the rows of the table."""
        rows = self._table(layout.MERCHANTS, self._options()).read_equal("merchant", merchant)
        return with_columns(rows, MERCHANTS_SCHEMA) if rows is not None else MERCHANTS_SCHEMA.empty_table()

    def _open(self) -> None:
        """Open both tables, again if the credentials changed; rows are kept."""
        options = self._options()
        if options != self._opened_with:
            self._detections_table = self._table(layout.DETECTIONS, options)
            self._merchants_table = self._table(layout.MERCHANTS, options)
            self._opened_with = options

    def _table(self, name: str, options: Mapping[str, str]) -> GrowingTable:
        return GrowingTable(f"{self._lake}/{name}", options)
