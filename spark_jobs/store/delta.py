"""Opening Delta tables with `deltalake`, and retrying what is done with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from spark_jobs.errors import StorageError
from spark_jobs.store import failures
from spark_jobs.store.failures import retry, translate_errors
from spark_jobs.store.objects import http_endpoint
from spark_jobs.store.table_damage import find_damage
from spark_jobs.store.table_features import verify_features

_Result = TypeVar("_Result")


def storage_options() -> dict[str, str]:
    """Return the options for `deltalake` beside the `AWS_*` variables: the time limits that `Objects` has."""
    limits = {
        "timeout": f"{failures.REQUEST_SECONDS}s",
        "max_retries": str(failures.MAX_RETRIES),
        "retry_timeout": f"{failures.RETRY_SECONDS}s",
    }
    return limits | ({"AWS_ALLOW_HTTP": "true"} if http_endpoint() else {})


def load_table(url: str) -> DeltaTable:
    """Return the newest version of a table, for reading and writing; raises the errors of `deltalake`.

    Raises:
        TableFeatureError: it has a feature that `deltalake` does not support.
    """
    table = DeltaTable(url, storage_options=storage_options())
    verify_features(table, url)
    return table


def find_table(url: str) -> DeltaTable | None:
    """Return the newest version of a table, or None if there is no table; raises the errors of `load_table`."""
    try:
        return load_table(url)
    except TableNotFoundError:
        return None


def retry_delta(url: str, call: Callable[[], _Result]) -> _Result:
    """Return what `call` on the Delta table at `url` returns, with retries; `call` must be safe to repeat.

    Raises:
        TableNotFoundError: there is no table.
        TableDamagedError: an object of the table is missing or unreadable.
        TableFeatureError: the table has a feature that `deltalake` does not support.
        StorageError: the store failed each time.
        StorageRefusedError: the store refused.
    """

    def attempt() -> _Result:
        with translate_errors(url, TableNotFoundError):
            return call()

    with explain_damage(url):
        return retry(attempt)


@contextmanager
def explain_damage(*urls: str) -> Iterator[None]:
    """Raise a failure that lasts despite retries as TableDamagedError if one of the tables is damaged."""
    try:
        yield
    except (StorageError, pa.ArrowInvalid) as error:
        for url in urls:
            if damage := find_damage(url, lambda url: DeltaTable(url, storage_options=storage_options())):
                raise damage from error
        raise


def missing_columns(table: DeltaTable, schema: pa.Schema) -> list[str]:
    """Return the columns of `schema` that a table, created by an earlier release, does not have."""
    existing = {field.name for field in table.schema().fields}
    return [name for name in schema.names if name not in existing]


def with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema`, null where `rows` do not have them."""
    for field in schema:
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names).cast(schema)
