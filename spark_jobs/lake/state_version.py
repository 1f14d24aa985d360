"""The version of the state, which every table of it carries."""

import re

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.errors import StateError
from spark_jobs.store.new_table import NewTable

# Raised when a release that knows only the version before could misread or damage the tables. 2: pairs carry what has
# been reported, and rows without it would be reported again.
STATE_VERSION = 2
# Read, and upgraded by the detector's next start.
OLDEST_STATE_VERSION = 1
# A property, because anybody may change a table's comment.
VERSION_PROPERTY = "transactionPatterns.stateVersion"
# Version 1 stood in the description alone. It is still written there for the releases that compare it.
_DESCRIPTION = "transaction-patterns state version {}"
_DESCRIBED = re.compile(_DESCRIPTION.format(r"(\d+)"))


def state_description() -> str:
    """Return the description of a table of this release."""
    return _DESCRIPTION.format(STATE_VERSION)


def state_properties() -> dict[str, str]:
    """Return the properties of a table of this release."""
    return {VERSION_PROPERTY: str(STATE_VERSION)}


def new_state_table(schema: pa.Schema) -> NewTable:
    """Return the definition of a new state table."""
    return NewTable(schema, state_description(), state_properties())


def state_version(table: DeltaTable) -> int | None:
    """Return the state version of a table: its property, or, before version 2, its description; None without either."""
    metadata = table.metadata()
    described = _DESCRIBED.fullmatch(metadata.description or "")
    text = metadata.configuration.get(VERSION_PROPERTY, described[1] if described else "")
    return int(text) if text.isdecimal() else None


def verify_state_version(table: DeltaTable, url: str) -> None:
    """Verify that this release can read a table of the state.

    Raises:
        StateError: a newer release wrote it, or it does not say which version it is.
    """
    version = state_version(table)
    if version is None:
        msg = (
            f"{url} does not say which state version it is: its property {VERSION_PROPERTY} is missing; if it is a"
            " state of this pipeline whose comment was changed, run in Spark: ALTER TABLE"
            f" delta.`{url}` SET TBLPROPERTIES ('{VERSION_PROPERTY}' = '{OLDEST_STATE_VERSION}')"
        )
        raise StateError(msg)
    if not OLDEST_STATE_VERSION <= version <= STATE_VERSION:
        msg = (
            f"{url} has state version {version}, this release reads {OLDEST_STATE_VERSION} to {STATE_VERSION}; run the"
            " release that wrote it"
        )
        raise StateError(msg)
