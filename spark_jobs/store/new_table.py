"""Creating Delta tables, see `LineTable`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.errors import StorageError
from spark_jobs.store.conditions import verify_conditional_writes
from spark_jobs.store.delta import storage_options
from spark_jobs.store.failures import retry, translate_errors
from spark_jobs.store.line_table import LineTable, open_table
from spark_jobs.store.objects import open_objects

# A day has 17,280 commits. The log is kept for a day and cleaned by maintenance: cleaning after every commit,
# deltalake's default, lists the whole log each time (docs/decisions/0004). Checkpoints carry the tombstones of
# compactions, hence a day for those, too.
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
_FIRST_ENTRY = f"_delta_log/{0:020d}.json"


@dataclass(frozen=True)
class NewTable:
    """What a table is created with.

    Attributes:
        schema: its columns.
        description: its comment.
        properties: of our own, beside those of Delta.
    """

    schema: pa.Schema
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def open_or_create_table(url: str, application: str, new: NewTable, sorted_by: str | None = None) -> LineTable:
    """Open the newest version of a table; create an empty one if there is no table.

    Raises:
        UnsuitableStoreError: the table is empty, and the store does not honour the conditions of writes.
    """
    table = open_table(url, application, sorted_by)
    if table is None:
        retry(lambda: _create_table(url, new))
        table = open_table(url, application, sorted_by)
    if table is None:
        msg = f"{url}: the table was created but cannot be found; check the store's health"
        raise StorageError(msg)
    if table.line is None:
        verify_conditional_writes(open_objects(url), _FIRST_ENTRY)
    return table


def _create_table(url: str, new: NewTable) -> None:
    # With mode "ignore" it does not matter who creates it, or whether an earlier response was lost.
    with translate_errors(url):
        DeltaTable.create(
            url,
            new.schema,
            mode="ignore",
            description=new.description,
            configuration={**_CONFIGURATION, **new.properties},
            storage_options=storage_options(),
            raise_if_key_not_exists=False,
        )
