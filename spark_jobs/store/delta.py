"""Opening Delta tables with `deltalake`."""

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from spark_jobs.store import failures
from spark_jobs.store.objects import http_endpoint


def storage_options() -> dict[str, str]:
    """Return the options for `deltalake` beside the `AWS_*` variables: the time limits that `Objects` has."""
    limits = {
        "timeout": f"{failures.REQUEST_SECONDS}s",
        "max_retries": str(failures.MAX_RETRIES),
        "retry_timeout": f"{failures.RETRY_SECONDS}s",
    }
    return limits | ({"AWS_ALLOW_HTTP": "true"} if http_endpoint() else {})


def load_table(url: str) -> DeltaTable:
    """Return the newest version of a table; raises the errors of `deltalake`."""
    return DeltaTable(url, storage_options=storage_options())


def find_table(url: str) -> DeltaTable | None:
    """Return the newest version of a table, or None if there is no table; raises the errors of `deltalake`."""
    try:
        return load_table(url)
    except TableNotFoundError:
        return None


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
