"""An append-only Delta table whose reads are limited in bytes, the newest files first."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from spark_jobs.lake.state_version import verify_state_version
from spark_jobs.store.error_codes import ENVIRONMENT, Access
from spark_jobs.store.failures import translate_errors

# Rows that are decompressed at once.
_BATCH_ROWS = 65_536
_BATCHES_AHEAD = 2


class GrowingTable:
    """An append-only Delta table, read from some value of a column on.

    Compaction rewrites files, not rows: the column's minima and maxima in the log tell which files to open.

    Attributes:
        capped: whether the last read left out the oldest files, to open no more than the limit.
    """

    def __init__(self, url: str, options: Mapping[str, str], read_bytes: int, access: Access = ENVIRONMENT) -> None:
        """Create a reader of the table at `url` that opens files of `read_bytes`, as they are stored, in one read."""
        self._url = url
        self._access = access
        self._options = dict(options)
        self._read_bytes = read_bytes
        self._table: DeltaTable | None = None
        self._read_version = -1
        self.capped = False

    @property
    def version(self) -> str:
        """The version read last; different if the table was recreated."""
        return f"{self._table.metadata().id}:{self._read_version}" if self._table else ""

    def read_above(self, column: str, value: int) -> Iterator[pa.Table] | None:
        """Return the rows whose `column` is above a value, in batches, or None if the table is unchanged or missing.

        The caller reads all batches. Raises, also while it does:
            StateError: the table was written by another release.
            StorageError, StorageRefusedError: it cannot be read.
        """
        with translate_errors(self._url, access=self._access):
            table = self._open()
            if table is None or table.version() == self._read_version:
                return None
            verify_state_version(table, self._url)
            batches = self._batches(table, pc.field(column) > value, column)
            self._read_version = table.version()
            return batches

    def read_equal(self, column: str, value: str, newest: str) -> Iterator[pa.Table]:
        """Yield the rows with a value in a column, none without a table; raises as `read_above` does.

        Args:
            newest: the column by whose values files are newer.
        """
        with translate_errors(self._url, access=self._access):
            table = self._open()
            yield from self._batches(table, pc.field(column) == value, newest) if table else ()

    def _batches(self, table: DeltaTable, condition: Any, newest: str) -> Iterator[pa.Table]:
        """Return batches of the files that may have rows, the newest files first."""
        actions = pa.table(table.get_add_actions(flatten=True)).to_pydict()
        greatest = actions.get(f"max.{newest}", [None] * len(actions["path"]))
        files = {
            path: (size, maximum if maximum is not None else -1)
            for path, size, maximum in zip(actions["path"], actions["size_bytes"], greatest, strict=True)
        }
        dataset = table.to_pyarrow_dataset()
        fragments = sorted(
            dataset.get_fragments(filter=condition),
            key=lambda fragment: files[fragment.path][1],
            reverse=True,
        )
        chosen: list[ds.Fragment] = []
        read = 0
        for fragment in fragments:
            read += files[fragment.path][0]
            # The newest file is read in any case, in batches.
            if chosen and read > self._read_bytes:
                break
            chosen.append(fragment)
        self.capped = len(chosen) < len(fragments)
        return self._read(chosen, dataset.schema, condition)

    def _read(self, fragments: list[ds.Fragment], schema: pa.Schema, condition: Any) -> Iterator[pa.Table]:
        with translate_errors(self._url, access=self._access):
            for fragment in fragments:
                for batch in fragment.to_batches(
                    schema=schema, filter=condition, batch_size=_BATCH_ROWS, batch_readahead=_BATCHES_AHEAD
                ):
                    yield pa.Table.from_batches([batch])

    def _open(self) -> DeltaTable | None:
        if self._table is not None:
            self._table.update_incremental()
            return self._table
        try:
            self._table = DeltaTable(self._url, storage_options=self._options)
        except TableNotFoundError:
            return None
        return self._table
