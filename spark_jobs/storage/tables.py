"""Delta tables that one writer appends to, each commit under an application transaction whose version is a line."""

from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from spark_jobs.core.errors import StorageError
from spark_jobs.storage.objects import http_endpoint

# A day has 17,280 commits: the log is kept for a day, and cleaned by maintenance. Left to each commit, as is
# `deltalake`'s default, every one would list the whole log (docs/decisions/0004).
# Of what a compaction replaced, tombstones are carried in every checkpoint: for a day, too.
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
_NO_CLEANING = PostCommitHookProperties(cleanup_expired_logs=False)
# Larger files are left as they are, so that what a compaction costs does not grow with the table.
_COMPACTED_BYTES = 16 << 20


class CommitRaceLostError(Exception):
    """Raised when another writer committed the same application's transaction first; nothing was written."""


class LineTable:
    """A Delta table whose application transaction is `(application, line)`.

    The handle is that of this writer's own last commit and is never reloaded: `deltalake` refuses a commit whose
    application another writer has committed since the handle was loaded, and only then.
    """

    def __init__(self, table: DeltaTable, application: str) -> None:
        self._table = table
        self._application = application
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

    def append(self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None) -> None:
        """Append rows as of `line` in one commit.

        Raises:
            CommitRaceLostError: another writer has committed since this handle was loaded.
            StorageError: the store failed.
        """
        self._write(rows, line, "append", metadata)
        self._appends += 1

    def overwrite(self, rows: pa.Table, line: int, metadata: dict[str, str] | None = None) -> None:
        """Replace all rows in one commit; raises what `append` does."""
        self._write(rows, line, "overwrite", metadata)
        self._appends = 0

    def compact(self) -> None:
        """Merge small files into larger ones; the rows stay the same."""
        try:
            self._table.optimize.compact(target_size=_COMPACTED_BYTES, post_commithook_properties=_NO_CLEANING)
        except (DeltaError, OSError) as error:
            raise _storage_error(self.url, error) from error
        self._appends = 0

    def _write(self, rows: pa.Table, line: int, mode: Any, metadata: dict[str, str] | None) -> None:
        transaction = Transaction(self._application, line)
        try:
            write_deltalake(
                self._table,
                rows,
                mode=mode,
                commit_properties=CommitProperties(app_transactions=[transaction], custom_metadata=metadata),
                post_commithook_properties=_NO_CLEANING,
            )
        except CommitFailedError as error:
            msg = f"{self.url}: another writer has committed as {self._application!r}"
            raise CommitRaceLostError(msg) from error
        except (DeltaError, OSError) as error:
            raise _storage_error(self.url, error) from error
        self._line = line


def open_table(url: str, application: str) -> LineTable | None:
    """Open the newest version of a table, None where there is none."""
    try:
        return LineTable(DeltaTable(url, storage_options=storage_options()), application)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise _storage_error(url, error) from error


def open_or_create_table(url: str, application: str, schema: pa.Schema, description: str | None = None) -> LineTable:
    """Open the newest version of a table; create an empty one where there is none."""
    table = open_table(url, application)
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
        table = open_table(url, application)
        if table is None:
            raise _storage_error(url, error) from error
        return table
    created = open_table(url, application)
    if created is None:
        msg = f"{url}: the table was created and cannot be found"
        raise StorageError(msg)
    return created


def storage_options() -> dict[str, str]:
    """Return what `deltalake` needs beside the `AWS_*` variables."""
    return {"AWS_ALLOW_HTTP": "true"} if http_endpoint() else {}


def _storage_error(url: str, error: Exception) -> StorageError:
    first_line = str(error).strip().split("\n")[0][:500]
    return StorageError(f"{url}: {first_line}; check the AWS_* variables and the store's health")
