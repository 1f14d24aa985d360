"""Opening Delta tables, and what goes wrong with them as errors of ours."""

from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from spark_jobs.store import retries
from spark_jobs.store.error_text import cause
from spark_jobs.store.failures import storage_failure
from spark_jobs.store.objects import http_endpoint

_Result = TypeVar("_Result")


def storage_options() -> dict[str, str]:
    """Return what `deltalake` needs beside the `AWS_*` variables: as long a patience as other objects have."""
    patience = {
        "timeout": f"{retries.REQUEST_SECONDS}s",
        "max_retries": str(retries.MAX_RETRIES),
        "retry_timeout": f"{retries.RETRY_SECONDS}s",
    }
    return patience | ({"AWS_ALLOW_HTTP": "true"} if http_endpoint() else {})


def load(url: str) -> DeltaTable:
    """Return a handle of the newest version of a table; raises what `deltalake` raises."""
    return DeltaTable(url, storage_options=storage_options())


def find(url: str) -> DeltaTable | None:
    """Return what `load` does, None where there is no table."""
    try:
        return load(url)
    except TableNotFoundError:
        return None


def missing_columns(table: DeltaTable, schema: pa.Schema) -> list[str]:
    """Return the columns of `schema` that a table lacks, in order: an earlier detector made it."""
    held = {field.name for field in table.schema().fields}
    return [name for name in schema.names if name not in held]


def with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema`, null where the rows have none."""
    for field in schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names).cast(schema)


def tried_again(url: str, call: Callable[[], _Result]) -> _Result:
    """Return what `call` returns, trying again where the store failed; it must be harmless to repeat.

    Raises:
        TableNotFoundError, StorageError, StorageRefusedError: as `converted` does, the second of the last try.
    """
    return retries.retried(lambda: converted(url, call))


def converted(url: str, call: Callable[[], _Result]) -> _Result:
    """Return what `call` returns.

    Raises:
        TableNotFoundError: there is no table.
        StorageError: all else that `deltalake` raised.
        StorageRefusedError: where the store refuses.
    """
    try:
        return call()
    except TableNotFoundError:
        raise
    except (DeltaError, OSError) as error:
        raise storage_failure(url, error) from cause(error)
