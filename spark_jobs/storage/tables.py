"""Delta tables that one writer appends to, each commit under an application transaction whose version is a line.

Files are removed by rewriting a range of lines, never by `optimize.compact()`: of two of those on the same files
`deltalake` (1.6) lets both through, and every row is there twice (docs/decisions/0009).
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from spark_jobs.core.errors import StorageError
from spark_jobs.core.transactions import LINE
from spark_jobs.storage.error_text import cause, first_line
from spark_jobs.storage.objects import http_endpoint

# A day has 17,280 commits: the log is kept for a day, and cleaned by maintenance. Left to each commit, as is
# `deltalake`'s default, every one would list the whole log (docs/decisions/0004).
# Of what a compaction replaced, tombstones are carried in every checkpoint: for a day, too.
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
NO_CLEANING = PostCommitHookProperties(cleanup_expired_logs=False)
# Small row groups, so that the rows of a few merchants are read without the rest (docs/decisions/0021).
WRITER = WriterProperties(compression="ZSTD", max_row_group_size=32_768)
# Larger files are left as they are, so that what a compaction costs does not grow with the table.
_COMPACTED_BYTES = 16 << 20
# A commit that others stand against is done again on top of theirs; they come once a day.
_TRIES = 5


class CommitRaceLostError(Exception):
    """Raised when another writer committed the same application's transaction first; nothing was written."""


class LineTable:
    """A Delta table whose application transaction is `(application, line)`.

    The handle is that of this writer's own last commit: `deltalake` refuses a commit whose application another writer
    has committed since the handle was loaded, and only then. So it is loaded anew only where a commit was refused, and
    what it says of the application must then be this writer's own last line: the others were of another kind, such as
    maintenance.
    """

    def __init__(self, table: DeltaTable, application: str, sorted_by: str | None = None) -> None:
        """Take a table as it was just opened; merged files are put in order of `sorted_by`."""
        self._table = table
        self._application = application
        self._sorted_by = sorted_by
        # Kept here: asked for it, the handle reads its whole log anew.
        self._line = table.transaction_version(application)
        self._appends = 0

    @property
    def url(self) -> str:
        """Where the table lies."""
        return self._table.table_uri.rstrip("/")

    @property
    def line(self) -> int | None:
        """The line of the last commit that this handle knows, None before the first."""
        return self._line

    @property
    def appends(self) -> int:
        """How many this writer has made since it last compacted or overwrote the table."""
        return self._appends

    @property
    def handle(self) -> DeltaTable:
        """The table as of this writer's last commit, for reading."""
        return self._table

    def lacks(self, schema: pa.Schema) -> bool:
        """Return whether a column of `schema` is not in the table."""
        return bool(set(schema.names) - {field.name for field in self._table.schema().fields})

    def read(self, columns: list[str] | None, rows: pc.Expression | None = None) -> pa.Table:
        """Return these columns (None for all) of these rows; files and row groups that cannot have any are not read.

        Raises:
            StorageError: the store failed.
        """
        try:
            return self._table.to_pyarrow_dataset().to_table(columns=columns, filter=rows)
        except (DeltaError, OSError) as error:
            raise storage_error(self.url, error) from error

    def greatest(self, column: str) -> Any:
        """Return the greatest value of a column, None where there are no rows; from the log alone."""
        files = pa.table(self._table.get_add_actions(flatten=True))
        return pc.max(files.column(f"max.{column}")).as_py() if files.num_rows else None

    def append(self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None) -> None:
        """Append rows as of `line` in one commit.

        Raises:
            CommitRaceLostError: another writer has committed since this handle was loaded.
            StorageError: the store failed.
        """
        self._write(rows, line, "append", metadata)
        self._appends += 1

    def overwrite(self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None) -> None:
        """Replace all rows, and the columns, in one commit; raises what `append` does."""
        self._write(rows, line, "overwrite", metadata)
        self._appends = 0

    def delete_below(self, line: int) -> None:
        """Delete all rows of lines below `line` in one commit; raises what `append` does."""
        self._commit(lambda: self._table.delete(f"{LINE} < {line}", post_commithook_properties=NO_CLEANING))

    def compact(self) -> None:
        """Merge the small files at the end of the table, in order of line; the rows stay the same.

        Where maintenance has rewritten the same lines meanwhile, theirs stands and this is left for the next time.

        Raises:
            CommitRaceLostError: another writer has committed under this application.
            StorageError: the store failed.
        """
        self._appends = 0
        first = _first_small_line(self._table)
        if first is None:
            return
        try:
            rows = self._table.to_pyarrow_dataset().to_table(filter=pc.field(LINE) >= first)
            if self._sorted_by:
                rows = rows.sort_by(self._sorted_by)
            self._replace_from(first, rows)
        except CommitFailedError:
            self._load_anew()
        except (DeltaError, OSError) as error:
            raise storage_error(self.url, error) from cause(error)

    def _replace_from(self, first: int, rows: pa.Table) -> None:
        write_deltalake(
            self._table,
            rows,
            mode="overwrite",
            predicate=f"{LINE} >= {first}",
            writer_properties=WRITER,
            post_commithook_properties=NO_CLEANING,
        )

    def add_columns(self, schema: pa.Schema) -> None:
        """Add the columns of `schema` that the table lacks; rows that are there have null in them."""
        held = {field.name for field in self._table.schema().fields}
        missing = [name for name in schema.names if name not in held]
        if not missing:
            return
        fields = Schema.from_arrow(pa.schema([schema.field(name) for name in missing])).fields
        try:
            self._table.alter.add_columns(fields)
        except (DeltaError, OSError) as error:
            raise storage_error(self.url, error) from cause(error)

    def _write(self, rows: pa.Table, line: int, mode: Any, metadata: dict[str, str] | None) -> None:
        transaction = Transaction(self._application, line)
        self._commit(
            lambda: write_deltalake(
                self._table,
                rows,
                mode=mode,
                schema_mode="overwrite" if mode == "overwrite" else None,
                writer_properties=WRITER,
                commit_properties=CommitProperties(app_transactions=[transaction], custom_metadata=metadata),
                post_commithook_properties=NO_CLEANING,
            )
        )
        self._line = line

    def _commit(self, write: Callable[[], object]) -> None:
        for _ in range(_TRIES):
            try:
                write()
                return
            except CommitFailedError:
                self._load_anew()
            except (DeltaError, OSError) as error:
                raise storage_error(self.url, error) from cause(error)
        msg = f"{self.url}: {_TRIES} commits in a row were refused, others write all the time; stop them"
        raise StorageError(msg)

    def _load_anew(self) -> None:
        """Take up what others have committed.

        Raises:
            CommitRaceLostError: one of them under this application.
        """
        try:
            table = DeltaTable(self.url, storage_options=storage_options())
            line = table.transaction_version(self._application)
        except (DeltaError, OSError) as error:
            raise storage_error(self.url, error) from cause(error)
        if line != self._line:
            msg = f"{self.url}: another writer has committed as {self._application!r}"
            raise CommitRaceLostError(msg)
        self._table = table


def _first_small_line(table: DeltaTable) -> int | None:
    """Return the first line of the small files after the last large one; None where there are not two of them."""
    files = pa.table(table.get_add_actions(flatten=True)).sort_by(f"max.{LINE}")
    large = pc.greater_equal(files.column("size_bytes"), _COMPACTED_BYTES).to_pylist()
    small = files.slice(len(large) - large[::-1].index(True)) if any(large) else files
    return pc.min(small.column(f"min.{LINE}")).as_py() if small.num_rows > 1 else None


def open_table(url: str, application: str, sorted_by: str | None = None) -> LineTable | None:
    """Open the newest version of a table, None where there is none."""
    try:
        return LineTable(DeltaTable(url, storage_options=storage_options()), application, sorted_by)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise storage_error(url, error) from cause(error)


def open_or_create_table(
    url: str, application: str, schema: pa.Schema, description: str | None = None, sorted_by: str | None = None
) -> LineTable:
    """Open the newest version of a table; create an empty one where there is none."""
    table = open_table(url, application, sorted_by)
    if table is not None:
        return table
    try:
        DeltaTable.create(
            url,
            schema,
            mode="ignore",
            description=description,
            configuration=_CONFIGURATION,
            storage_options=storage_options(),
        )
    except (DeltaError, OSError) as error:
        # Somebody else may have created it in between; if so, it opens.
        table = open_table(url, application, sorted_by)
        if table is None:
            raise storage_error(url, error) from cause(error)
        return table
    created = open_table(url, application, sorted_by)
    if created is None:
        msg = f"{url}: the table was created and cannot be found"
        raise StorageError(msg)
    return created


def storage_options() -> dict[str, str]:
    """Return what `deltalake` needs beside the `AWS_*` variables."""
    return {"AWS_ALLOW_HTTP": "true"} if http_endpoint() else {}


def storage_error(url: str, error: Exception) -> StorageError:
    """Return the error to raise where `deltalake` failed with another one, `from cause(error)`."""
    return StorageError(f"{url}: {first_line(error)}; check the AWS_* variables and the store's health")
