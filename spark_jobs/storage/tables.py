"""Delta tables that one writer appends to, each commit under an application transaction whose version is a line.

Files are removed by rewriting a range of lines, never by `optimize.compact()`: of two of those on the same files
`deltalake` (1.6) lets both through, and every row is there twice (docs/decisions/0005).
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

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

from spark_jobs.core.errors import StorageError, StorageRefusedError
from spark_jobs.core.transactions import LINE
from spark_jobs.storage import retries
from spark_jobs.storage.delta import converted, load, missing_columns, storage_options, tried_again
from spark_jobs.storage.error_text import cause
from spark_jobs.storage.failures import storage_failure
from spark_jobs.storage.retries import retried

# A day has 17,280 commits: the log is kept for a day, and cleaned by maintenance. Left to each commit, as is
# `deltalake`'s default, every one would list the whole log (docs/decisions/0004).
# Of what a compaction replaced, tombstones are carried in every checkpoint: for a day, too.
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
NO_CLEANING = PostCommitHookProperties(cleanup_expired_logs=False)
# Small row groups, so that the rows of a few merchants are read without the rest (docs/decisions/0004).
WRITER = WriterProperties(compression="ZSTD", max_row_group_size=32_768)
# Larger files are left as they are, so that what a compaction costs does not grow with the table.
_COMPACTED_BYTES = 16 << 20
# Which commit it is, so that a writer knows its own whose answer was lost.
_COMMIT_ID = "commitId"


class CommitRaceLostError(Exception):
    """Raised when another writer committed the same application's transaction first; nothing was written."""


class LineTable:
    """A Delta table whose application transaction is `(application, line)`.

    The handle is that of this writer's own last commit: `deltalake` refuses a commit whose application another writer
    has committed since the handle was loaded, and only then. So it is loaded anew only where a commit was refused, and
    what it says of the application must then be this writer's own last line: the others were of another kind, such as
    maintenance. Or it is the line of this very commit, under the id that this writer gave it: then it took effect, and
    only the answer was lost.
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
        return bool(missing_columns(self._table, schema))

    def read(self, columns: list[str] | None = None, rows: pc.Expression | None = None) -> pa.Table:
        """Return these columns (None for all) of these rows; files and row groups that cannot have any are not read.

        Raises:
            StorageError: the store failed.
        """
        return tried_again(self.url, lambda: self._table.to_pyarrow_dataset().to_table(columns=columns, filter=rows))

    def update(self) -> None:
        """Take up what others have committed, for reading.

        Raises:
            StorageError: the store failed.
        """
        tried_again(self.url, self._table.update_incremental)

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
        self._commit(self._merge_small_files, again_where_refused=False)

    def _merge_small_files(self) -> None:
        first = _first_small_line(self._table)
        if first is not None:
            rows = self._table.to_pyarrow_dataset().to_table(filter=pc.field(LINE) >= first)
            if self._sorted_by:
                rows = rows.sort_by(self._sorted_by)
            self._replace_from(first, rows)

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
        missing = missing_columns(self._table, schema)
        if not missing:
            return
        fields = Schema.from_arrow(pa.schema([schema.field(name) for name in missing])).fields
        try:
            self._table.alter.add_columns(fields)
        except (DeltaError, OSError) as error:
            raise storage_failure(self.url, error) from cause(error)

    def _write(self, rows: pa.Table, line: int, mode: Any, metadata: dict[str, str] | None) -> None:
        transaction = Transaction(self._application, line)
        commit_id = uuid4().hex
        self._commit(
            lambda: write_deltalake(
                self._table,
                rows,
                mode=mode,
                schema_mode="overwrite" if mode == "overwrite" else None,
                writer_properties=WRITER,
                commit_properties=CommitProperties(
                    app_transactions=[transaction], custom_metadata={**(metadata or {}), _COMMIT_ID: commit_id}
                ),
                post_commithook_properties=NO_CLEANING,
            ),
            line,
            commit_id,
        )
        self._line = line

    def _commit(
        self,
        write: Callable[[], object],
        line: int | None = None,
        commit_id: str = "",
        *,
        again_where_refused: bool = True,
    ) -> None:
        """Commit on top of what others have committed, again where the store failed and it did not take effect."""
        for pause in (*retries.PAUSES_SECONDS, 0.0):
            try:
                write()
                return
            except CommitFailedError as error:
                msg = f"{self.url}: commits are refused again and again, others write all the time; stop them"
                failure: StorageError | StorageRefusedError = StorageError(msg)
                reason: Exception = error
                if self._load_anew(line, commit_id) or not again_where_refused:
                    return
            except (DeltaError, OSError) as error:
                failure, reason = storage_failure(self.url, error), error
                if isinstance(failure, StorageRefusedError):
                    raise failure from cause(error)
                if self._load_anew(line, commit_id):
                    return
            time.sleep(pause)
        raise failure from cause(reason)

    def _load_anew(self, line: int | None, commit_id: str) -> bool:
        """Take up what has been committed; return whether the commit of that line and id is among it.

        Raises:
            CommitRaceLostError: another one under this application.
        """
        known = self._table.version()
        table = tried_again(self.url, lambda: load(self.url))
        newest = converted(self.url, lambda: table.transaction_version(self._application))
        own = bool(commit_id) and newest == line and _last_commit_id(table, known) == commit_id
        if not own and newest != self._line:
            msg = f"{self.url}: another writer has committed as {self._application!r}"
            raise CommitRaceLostError(msg)
        self._table = table
        return own


def _last_commit_id(table: DeltaTable, after_version: int) -> str | None:
    """Return the id of the last commit after a version that has one."""
    # Maintenance gives none.
    commits = converted(table.table_uri, lambda: table.history(limit=max(1, table.version() - after_version)))
    return next((str(commit[_COMMIT_ID]) for commit in commits if _COMMIT_ID in commit), None)


def _first_small_line(table: DeltaTable) -> int | None:
    """Return the first line of the small files after the last large one; None where there are not two of them."""
    files = pa.table(table.get_add_actions(flatten=True)).sort_by(f"max.{LINE}")
    large = pc.greater_equal(files.column("size_bytes"), _COMPACTED_BYTES).to_pylist()
    small = files.slice(len(large) - large[::-1].index(True)) if any(large) else files
    return pc.min(small.column(f"min.{LINE}")).as_py() if small.num_rows > 1 else None


def open_table(url: str, application: str, sorted_by: str | None = None) -> LineTable | None:
    """Open the newest version of a table, None where there is none."""
    try:
        return tried_again(url, lambda: LineTable(load(url), application, sorted_by))
    except TableNotFoundError:
        return None


def open_or_create_table(
    url: str, application: str, schema: pa.Schema, description: str | None = None, sorted_by: str | None = None
) -> LineTable:
    """Open the newest version of a table; create an empty one where there is none."""
    table = open_table(url, application, sorted_by)
    return table or retried(lambda: _create_table(url, application, schema, description, sorted_by))


def _create_table(
    url: str, application: str, schema: pa.Schema, description: str | None, sorted_by: str | None
) -> LineTable:
    failure = None
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
        failure = storage_failure(url, error)
    # Somebody else may have created it in between, or the answer was lost; if so, it opens.
    created = open_table(url, application, sorted_by)
    if created is None:
        raise failure or StorageError(f"{url}: the table was created and cannot be found; check the store's health")
    return created
