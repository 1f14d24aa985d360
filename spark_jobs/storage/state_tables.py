"""The three tables of the state: opened as of the committed line, appended one micro-batch at a time.

Order makes a batch safe at every instruction: detections and merchants first, pairs last. The last line in
`state/pairs` is the committed line. Rows beyond it, which a killed detector left in the other two, are right (they are
a function of the chunks alone) and are not appended again.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.core import names
from spark_jobs.core.detect import Outcome
from spark_jobs.core.detections import DETECTIONS_SCHEMA, Detection, detection_rows, parse_detection_rows
from spark_jobs.core.errors import SecondDetectorError, StateError
from spark_jobs.core.evaluate import MERCHANTS_SCHEMA
from spark_jobs.core.pair_state import PAIRS_SCHEMA, PairState
from spark_jobs.storage.objects import Objects
from spark_jobs.storage.tables import CommitRaceLostError, LineTable, open_or_create_table

APPLICATION = "detector"
STATE_VERSION = 1
# Kept as the tables' description, which every writer of Delta hands on.
STATE_DESCRIPTION = f"transaction-patterns state version {STATE_VERSION}"

# An append slows with the number of files (docs/decisions/0004).
_APPENDS_BETWEEN_COMPACTIONS = 50


@dataclass(frozen=True)
class LoadedState:
    """What a detector starts from.

    Attributes:
        committed_line: all lines below it are in `pairs`.
        detected_line: all chunks up to here have their detections in the table.
        detections: all detections so far, in order of `seq`.
    """

    pairs: PairState
    committed_line: int
    detected_line: int
    detections: list[Detection]


class StateTables:
    """The writer of the state. There is one a lake; a second one loses the race and stops."""

    def __init__(self, lake: Objects) -> None:
        # Pairs first: what another detector commits meanwhile is then found by the commit to pairs.
        self._pairs = _open(lake.place(names.PAIRS), PAIRS_SCHEMA)
        self._merchants = _open(lake.place(names.MERCHANTS), MERCHANTS_SCHEMA)
        self._detections = _open(lake.place(names.DETECTIONS), DETECTIONS_SCHEMA)
        self._lake = lake.url
        self._rows_appended = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="state-merchants")

    def load(self) -> LoadedState:
        """Read the state as of the committed line; its time grows with the rows of the table."""
        committed = self._pairs.line or 0
        rows = _read(self._pairs, PAIRS_SCHEMA)
        self._rows_appended = rows.num_rows
        return LoadedState(
            PairState.restore(rows),
            committed,
            max(committed, self._detections.line or 0),
            parse_detection_rows(_read(self._detections, DETECTIONS_SCHEMA)),
        )

    @property
    def begun(self) -> bool:
        """Whether there is a committed line."""
        return self._pairs.line is not None

    def begin_at(self, line: int, pairs: pa.Table, merchants: pa.Table, detections: pa.Table) -> None:
        """Give tables that have no state one as of `line`. Killed, it is simply called again with the same.

        Raises:
            SecondDetectorError, StorageError: as in `commit`.
        """
        with self._alone():
            # In the order of a commit: the state counts once pairs are there.
            for table, rows in (
                (self._detections, detections),
                (self._merchants, merchants),
                (self._pairs, pairs),
            ):
                if table.line is None:
                    table.append(rows, line)

    def last_metadata(self, key: str) -> str | None:
        """Return what the last commit to pairs that carries `key` said of it."""
        # A compaction carries none, so there may be one commit without.
        for commit in self._pairs.handle.history(limit=4):
            if key in commit:
                return str(commit[key])
        return None

    def commit(self, outcome: Outcome, metadata: dict[str, str]) -> None:
        """Append one micro-batch; it counts from the moment at which pairs are appended.

        Raises:
            SecondDetectorError: another detector has committed; what it has is right, this one must stop.
            StorageError: the store failed; start again from the committed line.
        """
        with self._alone():
            merchants = self._pool.submit(self._append_merchants, outcome)
            if outcome.detections:
                self._detections.append(detection_rows(outcome.detections), outcome.line)
            merchants.result()
            self._pairs.append(outcome.pairs, outcome.line, metadata)
        self._rows_appended += outcome.pairs.num_rows

    def compact_if_due(self, state: PairState, line: int, metadata: dict[str, str]) -> str | None:
        """Keep the tables small as they are written, at most one a batch; return the URL of the one that was.

        Every 50 appends a table's small files are merged; where half of the rows of pairs are superseded, all pairs
        are written anew, one row each, so that a row is rewritten about once whatever the number of pairs.

        Raises:
            SecondDetectorError: as in `commit`.
        """
        tables = (self._pairs, self._merchants, self._detections)
        due = next((table for table in tables if table.appends >= _APPENDS_BETWEEN_COMPACTIONS), None)
        if due is None:
            return None
        with self._alone():
            if due is self._pairs and self._rows_appended >= 2 * len(state):
                self._pairs.overwrite(state.all_rows(line), line, metadata)
                self._rows_appended = len(state)
            else:
                due.compact()
        return due.url

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            yield
        except CommitRaceLostError as error:
            msg = f"{error}: a second detector runs on {self._lake}; stop one of them, nothing was lost or doubled"
            raise SecondDetectorError(msg) from error

    def _append_merchants(self, outcome: Outcome) -> None:
        before = self._merchants.line or 0
        rows = outcome.merchants.filter(pc.greater(outcome.merchants.column("line"), before))
        if rows.num_rows:
            self._merchants.append(rows, outcome.line)


def _open(url: str, schema: pa.Schema) -> LineTable:
    table = open_or_create_table(url, APPLICATION, schema, STATE_DESCRIPTION)
    description = table.handle.metadata().description
    if description != STATE_DESCRIPTION:
        msg = f"{url} is {description!r}, this detector knows {STATE_DESCRIPTION!r}; run the version that wrote it"
        raise StateError(msg)
    # A table that an earlier detector made has fewer columns; its rows have null there.
    table.add_columns(schema)
    return table


def _read(table: LineTable, schema: pa.Schema) -> pa.Table:
    return table.read().select(schema.names).cast(schema)
