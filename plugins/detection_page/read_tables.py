"""Detections and merchants from Delta, each row once: later reads take only what was appended since."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from detection_page.detections import Detections
from detection_page.merchants import latest_rows, with_detections
from detection_page.tables import TableFacts
from spark_jobs.errors import StateError
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import verify_state_version
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import with_columns

# A store that does not answer is given up soon: the next look tries again.
_PATIENCE = {"timeout": "20s", "connect_timeout": "5s", "max_retries": "2", "retry_timeout": "20s"}


class GrowingTable:
    """A Delta table that rows are appended to, read from some value of a column on.

    Compaction rewrites files, not rows: the column's least and greatest values in the log tell which files to open.
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self._url = url
        self._options = dict(options)
        self._table: DeltaTable | None = None
        self._read_version = -1

    @property
    def version(self) -> str:
        """Of what was read last; another one where the table was made anew."""
        return f"{self._table.metadata().id}:{self._read_version}" if self._table else ""

    def news(self, column: str, above: int) -> pa.Table | None:
        """Return the rows whose `column` is above a value, None where the table is as it was, or not there.

        Raises:
            StateError: the table is not of the state's version that is known here.
            DeltaError, OSError: it cannot be read.
        """
        table = self._open()
        if table is None or table.version() == self._read_version:
            return None
        verify_state_version(table, self._url)
        rows = table.to_pyarrow_dataset().to_table(filter=pc.field(column) > above)
        self._read_version = table.version()
        return rows

    def rows_of(self, column: str, value: str) -> pa.Table | None:
        """Return all rows with a value in a column, None where there is no table."""
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
    """Keeps what was read of one lake's state."""

    def __init__(self, lake: str, options: Callable[[], Mapping[str, str]]) -> None:
        self._lake = lake
        self._options = options
        self._opened_with: Mapping[str, str] | None = None
        self._detections, self._merchants, self._facts = _nothing()

    def read(self) -> TableFacts:
        """Return detections and merchants as they are now; the same object where nothing was appended.

        Raises:
            DeltaError, OSError: they cannot be read; the next call reads everything anew.
        """
        try:
            self._open()
            detections = self._detections_table.news("seq", len(self._detections) - 1)
            merchants = self._merchants_table.news("line", _last_line(self._merchants))
        except StateError as error:
            return TableFacts(refused=str(error))
        except (DeltaError, OSError):
            # They may have been made anew.
            self._opened_with = None
            self._detections, self._merchants, self._facts = _nothing()
            raise
        if detections is None and merchants is None:
            return self._facts
        if detections is not None:
            self._detections = self._detections.with_rows(detections)
        if merchants is not None:
            self._merchants = latest_rows(self._merchants, with_columns(merchants, MERCHANTS_SCHEMA))
        version = f"{self._detections_table.version}/{self._merchants_table.version}"
        self._facts = TableFacts(version, self._detections, with_detections(self._merchants, self._detections.rows))
        return self._facts

    def _open(self) -> None:
        """Open both tables, where they are not open, or credentials have changed; rows are kept."""
        options = self._options()
        if options != self._opened_with:
            self._detections_table = _table(self._lake, layout.DETECTIONS, options)
            self._merchants_table = _table(self._lake, layout.MERCHANTS, options)
            self._opened_with = options

    def history(self, merchant: str) -> pa.Table:
        """Return all rows of one merchant; its time grows with the rows of the table."""
        rows = _table(self._lake, layout.MERCHANTS, self._options()).rows_of("merchant", merchant)
        return with_columns(rows, MERCHANTS_SCHEMA) if rows is not None else MERCHANTS_SCHEMA.empty_table()


def _table(lake: str, name: str, options: Mapping[str, str]) -> GrowingTable:
    return GrowingTable(f"{lake}/{name}", {**options, **_PATIENCE})


def _nothing() -> tuple[Detections, pa.Table, TableFacts]:
    return Detections(), MERCHANTS_SCHEMA.empty_table(), TableFacts()


def _last_line(rows: pa.Table) -> int:
    last: Any = pc.max(rows["line"]).as_py()
    return -1 if last is None else int(last)
