"""Switching the kind of writer of a state, while no detector runs."""

import time
from dataclasses import dataclass
from logging import Logger

from spark_jobs.errors import SecondDetectorError, StateError
from spark_jobs.lake import layout
from spark_jobs.lake.lease import Lease
from spark_jobs.lake.state_tables import APPLICATION, StateTables
from spark_jobs.lake.state_version import (
    HISTORY_PROPERTY,
    Writer,
    state_description,
    state_properties,
    state_writer,
    verify_state_version,
)
from spark_jobs.store.line_table import LineTable, open_table
from spark_jobs.store.objects import Objects

# Pairs last: until they are switched, the command can be repeated.
_TABLES = (layout.SHADOW, layout.DETECTIONS, layout.MERCHANTS, layout.PAIRS)
# A running detector writes its heartbeat every second.
_SECONDS_WITHOUT_HEARTBEAT = 5.0


@dataclass(frozen=True)
class SwitchSummary:
    """The outcome of a switch: the committed line, and the kind of writer from now on."""

    committed_line: int
    writer: str


def switch_writer(lake: Objects, writer: Writer, log: Logger) -> SwitchSummary:
    """Let another kind of writer commit to the tables of the state; if interrupted, call it again.

    No rows are converted. The property of each table is changed in a commit of its own, which a detector that is still
    running would conflict with.

    Raises:
        StateError: there is no state.
        SecondDetectorError: a detector is running; nothing was changed.
        StorageError: the store failed.
    """
    _verify_no_heartbeat(lake)
    with Lease(lake, log).holding() as lease:
        tables = [table for name in _TABLES if (table := _open(lake, name))]
        if not tables:
            msg = f"{lake.url} has no state to switch; start the detector with --state-backend"
            raise StateError(msg)
        if all(state_writer(table.handle) is Writer.DELTALAKE for table in tables):
            # Spark does not upgrade tables of earlier releases.
            StateTables(lake).load(with_pairs=False)
            tables = [table for name in _TABLES if (table := _open(lake, name))]
        for table in tables:
            lease.verify()
            properties = state_properties(writer)
            if writer is Writer.DELTALAKE and state_writer(table.handle) is not writer:
                properties[HISTORY_PROPERTY] = str(table.line or 0)
            table.describe(state_description(writer), properties)
        return SwitchSummary(tables[-1].line or 0, writer)


def _open(lake: Objects, name: str) -> LineTable | None:
    table = open_table(lake.place(name), APPLICATION)
    if table:
        verify_state_version(table.handle, table.url)
    return table


def _verify_no_heartbeat(lake: Objects) -> None:
    before = lake.find(layout.HEARTBEAT)
    if before is None:
        return
    time.sleep(_SECONDS_WITHOUT_HEARTBEAT)
    after = lake.find(layout.HEARTBEAT)
    if after is None or after.data != before.data:
        msg = f"{lake.place(layout.HEARTBEAT)} is being written: a detector runs on {lake.url}; stop it, and try again"
        raise SecondDetectorError(msg)
