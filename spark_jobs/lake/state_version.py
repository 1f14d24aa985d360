"""The version of the state and its kind of writer, which every table of it carries."""

import re
from enum import StrEnum

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.errors import StateError
from spark_jobs.store.new_table import NewTable
from spark_jobs.store.table_features import SPARK, WRITER_PROPERTY


class Writer(StrEnum):
    """The one kind of writer that commits to the tables of a state; neither would see the other's lock."""

    DELTALAKE = "deltalake"
    SPARK = SPARK


# Raised when a release that knows only the version before could misread or damage the tables. 2: pairs carry what has
# been reported, and rows without it would be reported again. 3: Spark writes the tables, and nothing else may.
_VERSIONS = {Writer.DELTALAKE: 2, Writer.SPARK: 3}
STATE_VERSION = max(_VERSIONS.values())
# Read, and upgraded by the detector's next start.
OLDEST_STATE_VERSION = 1
# A property, because anybody may change a table's comment.
VERSION_PROPERTY = "transactionPatterns.stateVersion"
# The state backend of each kind of writer.
_BACKENDS = {Writer.DELTALAKE: "driver", Writer.SPARK: "spark"}
# The state as of lines below it is kept by versions of the table before it was set.
HISTORY_PROPERTY = "transactionPatterns.historyFromLine"
# Version 1 stood in the description alone. It is still written there for the releases that compare it.
_DESCRIPTION = "transaction-patterns state version {}"
_DESCRIBED = re.compile(_DESCRIPTION.format(r"(\d+)"))


def state_description(writer: Writer) -> str:
    """Return the description of a table of this release."""
    return _DESCRIPTION.format(_VERSIONS[writer])


def state_properties(writer: Writer) -> dict[str, str]:
    """Return the properties of a table of this release."""
    return {VERSION_PROPERTY: str(_VERSIONS[writer]), WRITER_PROPERTY: writer}


def new_state_table(schema: pa.Schema, writer: Writer) -> NewTable:
    """Return the definition of a new state table."""
    return NewTable(schema, state_description(writer), state_properties(writer))


def state_version(table: DeltaTable) -> int | None:
    """Return the state version of a table: its property, or, before version 2, its description; None without either."""
    metadata = table.metadata()
    described = _DESCRIBED.fullmatch(metadata.description or "")
    text = metadata.configuration.get(VERSION_PROPERTY, described[1] if described else "")
    return int(text) if text.isdecimal() else None


def state_writer(table: DeltaTable) -> Writer:
    """Return which kind of writer commits to a table; earlier releases knew one kind only.

    Raises:
        StateError: the property has another value.
    """
    found = table.metadata().configuration.get(WRITER_PROPERTY, Writer.DELTALAKE)
    if found not in list(Writer):
        msg = (
            f"{table.table_uri.rstrip('/')}: the property {WRITER_PROPERTY} is {found!r}; set it to the kind of writer"
            f" of the other tables of the state, {' or '.join(Writer)}"
        )
        raise StateError(msg)
    return Writer(found)


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


def verify_writer(table: DeltaTable, url: str, writer: Writer) -> None:
    """Verify that a kind of writer may commit to a table of the state.

    Raises:
        StateError: the table has the other kind of writer.
    """
    found = state_writer(table)
    if found is not writer:
        msg = (
            f"{url} is written by {found}, and a table has one kind of writer; use --state-backend"
            f" {_BACKENDS[found]}, or stop the detector and run `detector --lake … --switch-state-backend"
            f" {_BACKENDS[writer]}`"
        )
        raise StateError(msg)
