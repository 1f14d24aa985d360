"""Delta tables with one writer, each of whose commits is an application transaction versioned by a line.

Compaction rewrites a range of lines. It never uses `optimize.compact()`: `deltalake` (1.6) lets two of those commit on
the same files, which duplicates every row (docs/decisions/0005).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

from spark_jobs.columns import LINE
from spark_jobs.errors import StorageError
from spark_jobs.store.commit_metadata import COMMIT_ID, last_metadata
from spark_jobs.store.delta import explain_damage, load_table, missing_columns, retry_delta
from spark_jobs.store.failures import cause, retry, storage_failure, translate_errors
from spark_jobs.store.table_features import feature_failure

NO_CLEANING = PostCommitHookProperties(cleanup_expired_logs=False)
# Small row groups: the rows of a few merchants are read without the rest (docs/decisions/0004).
WRITER = WriterProperties(compression="ZSTD", max_row_group_size=32_768)
# Larger files are not compacted again, so that the cost of a compaction does not grow with the table.
_COMPACTED_BYTES = 16 << 20
_NO_MARKS: Mapping[str, int] = {}


class CommitRaceLostError(Exception):
    """Raised when another writer of the same application committed first; nothing was written."""


class LineTable:
    """A Delta table whose application transaction is `(application, line)`.

    The handle stays at this writer's own last commit, because `deltalake` refuses a commit exactly when another writer
    has committed the same application since the handle was loaded. After a refusal the table is reloaded. Its
    application version must then be either this writer's last line (the other commits came from maintenance), or the
    line of this very commit under this writer's commit id (it took effect, and the response was lost).
    """

    def __init__(self, table: DeltaTable, application: str, sorted_by: str | None = None) -> None:
        """Wrap a table just opened; compaction sorts by `sorted_by`."""
        self._table = table
        self._application = application
        self._sorted_by = sorted_by
        # Cached: the handle would read the whole log again.
        self._line = table.transaction_version(application)
        self._appends = 0

    @property
    def url(self) -> str:
        """The table's URL."""
        return self._table.table_uri.rstrip("/")

    @property
    def line(self) -> int | None:
        """The line of the last commit known to this handle; None before the first."""
        return self._line

    @property
    def appends(self) -> int:
        """The number of appends by this writer since it last compacted or overwrote the table."""
        return self._appends

    @property
    def handle(self) -> DeltaTable:
        """The table as of this writer's last commit, for reading."""
        return self._table

    def lacks(self, schema: pa.Schema) -> bool:
        """Return whether the table does not have all columns of `schema`."""
        return bool(missing_columns(self._table, schema))

    def read(self, columns: list[str] | None = None, rows: pc.Expression | None = None) -> pa.Table:
        """Return `columns` (all by default) of the matching rows, skipping files and row groups without any.

        Raises:
            StorageError: the store failed.
        """
        return retry_delta(self.url, lambda: self._table.to_pyarrow_dataset().to_table(columns=columns, filter=rows))

    def update(self) -> None:
        """Load the commits of other writers, for reading.

        Raises:
            StorageError: the store failed.
        """
        retry_delta(self.url, self._table.update_incremental)

    def greatest(self, column: str) -> Any:
        """Return the greatest value of a column, read from the log alone; None without rows."""
        files = pa.table(self._table.get_add_actions(flatten=True))
        return pc.max(files.column(f"max.{column}")).as_py() if files.num_rows else None

    def mark(self, name: str) -> int | None:
        """Return the number that a commit, up to this handle's last reload, has recorded under `name`."""
        return retry_delta(self.url, lambda: self._table.transaction_version(name))

    def append(
        self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None, marks: Mapping[str, int] = _NO_MARKS
    ) -> None:
        """Append rows as of `line` in one commit.

        Args:
            rows: none, to record metadata and marks only.
            line: everything below it is in the table.
            metadata: of this commit, until the log is cleaned.
            marks: numbers by name, recorded for good: a later commit replaces them, cleaning the log keeps them.

        Raises:
            CommitRaceLostError: another writer of the application has committed since this handle was loaded.
            StorageError: the store failed.
        """
        self._write(rows, line, "append", metadata, marks)
        self._appends += 1

    def overwrite(self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None) -> None:
        """Replace all rows and the columns in one commit; raises the errors of `append`."""
        self._write(rows, line, "overwrite", metadata, _NO_MARKS)
        self._appends = 0

    def delete_below(self, line: int) -> None:
        """Delete all rows of lines below `line` in one commit; raises the errors of `append`."""
        self._commit(lambda: self._table.delete(f"{LINE} < {line}", post_commithook_properties=NO_CLEANING))

    def compact(self) -> None:
        """Merge the small files at the end of the table; the rows stay the same.

        If maintenance rewrites the same lines meanwhile, its commit stands and the merge is skipped this time.

        Raises:
            CommitRaceLostError: another writer of the application has committed.
            StorageError: the store failed.
        """
        self._appends = 0
        self._commit(self._merge_small_files, skip_if_refused=True)

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
        """Add the columns of `schema` that are missing; existing rows are null in them."""
        missing = missing_columns(self._table, schema)
        if not missing:
            return
        fields = Schema.from_arrow(pa.schema([schema.field(name) for name in missing])).fields
        with translate_errors(self.url):
            self._table.alter.add_columns(fields)

    def describe(self, description: str, properties: Mapping[str, str]) -> None:
        """Set the table's description, then properties of our own, in a commit each."""
        with translate_errors(self.url):
            if self._table.metadata().description != description:
                self._table.alter.set_table_description(description)
            if not properties.items() <= self._table.metadata().configuration.items():
                self._table.alter.set_table_properties(dict(properties), raise_if_not_exists=False)

    def _write(
        self, rows: pa.Table, line: int, mode: Any, metadata: dict[str, str] | None, marks: Mapping[str, int]
    ) -> None:
        commit = _Commit(line, uuid4().hex)
        properties = CommitProperties(
            # Application transactions survive the cleaning of the log, other metadata does not.
            app_transactions=[Transaction(name, number) for name, number in {self._application: line, **marks}.items()],
            custom_metadata={**(metadata or {}), COMMIT_ID: commit.id},
        )
        self._commit(
            lambda: write_deltalake(
                self._table,
                rows,
                mode=mode,
                schema_mode="overwrite" if mode == "overwrite" else None,
                writer_properties=WRITER,
                commit_properties=properties,
                post_commithook_properties=NO_CLEANING,
            ),
            commit,
        )
        self._line = line

    def _commit(
        self, write: Callable[[], object], commit: "_Commit | None" = None, *, skip_if_refused: bool = False
    ) -> None:
        """Commit on top of other writers' commits, retrying unless it took effect."""
        with explain_damage(self.url):
            retry(lambda: self._try_commit(write, commit, skip_if_refused))

    def _try_commit(self, write: Callable[[], object], commit: "_Commit | None", skip_if_refused: bool) -> None:
        try:
            write()
        except CommitFailedError as error:
            if unusable := feature_failure(self.url, error):
                raise unusable from error
            if self._reload(commit) or skip_if_refused:
                return
            msg = f"{self.url}: every commit is refused because other writers keep committing; stop them"
            raise StorageError(msg) from error
        except (DeltaError, OSError) as error:
            failure = storage_failure(self.url, error)
            if not failure.retryable or not self._reload(commit):
                raise failure from cause(error)

    def _reload(self, commit: "_Commit | None") -> bool:
        """Load other writers' commits; return whether `commit` is among them, because its response was lost.

        Raises:
            CommitRaceLostError: another writer of the application has committed.
        """
        known = self._table.version()
        table = retry_delta(self.url, lambda: load_table(self.url))
        with translate_errors(self.url):
            newest = table.transaction_version(self._application)
            # Of all commits since then, as maintenance's have no id.
            commits = max(1, table.version() - known)
            own = commit is not None and commit == _Commit(newest, last_metadata(table, COMMIT_ID, commits))
        if not own and newest != self._line:
            msg = f"{self.url}: another writer has committed as {self._application!r}"
            raise CommitRaceLostError(msg)
        if _own_properties(table) != _own_properties(self._table):
            msg = f"{self.url}: its kind of writer has changed"
            raise CommitRaceLostError(msg)
        self._table = table
        return own


def _own_properties(table: DeltaTable) -> dict[str, str]:
    """Return the properties that Delta does not know."""
    return {name: text for name, text in table.metadata().configuration.items() if not name.startswith("delta.")}


@dataclass(frozen=True)
class _Commit:
    """A commit of a writer, as the log identifies it."""

    line: int | None
    id: str | None


def _first_small_line(table: DeltaTable) -> int | None:
    """Return the first line of the small files after the last large one; None if there are fewer than two."""
    files = pa.table(table.get_add_actions(flatten=True)).sort_by(f"max.{LINE}")
    large = pc.greater_equal(files.column("size_bytes"), _COMPACTED_BYTES).to_pylist()
    small = files.slice(len(large) - large[::-1].index(True)) if any(large) else files
    return pc.min(small.column(f"min.{LINE}")).as_py() if small.num_rows > 1 else None


def open_table(url: str, application: str, sorted_by: str | None = None) -> LineTable | None:
    """Open the newest version of a table; return None if there is no table."""
    try:
        return retry_delta(url, lambda: LineTable(load_table(url), application, sorted_by))
    except TableNotFoundError:
        return None
