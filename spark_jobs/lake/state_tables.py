"""The three tables of the state, read as of the committed line and appended one micro-batch at a time.

A commit appends to detections and merchants first, and to pairs last, so that it may be interrupted anywhere: the line
of `state/pairs` is the committed line. Rows beyond it in the other tables, left by a killed detector, are correct (they
depend on the chunks alone) and are not appended again.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.errors import SecondDetectorError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake import layout
from spark_jobs.lake.loaded_state import LoadedState, NewestCommit
from spark_jobs.lake.rules import RecordedAdoption, adoption_marks, adoption_metadata, recorded_adoptions
from spark_jobs.lake.state_version import (
    Writer,
    new_state_table,
    state_description,
    state_properties,
    verify_state_version,
    verify_writer,
)
from spark_jobs.patterns.detect import Outcome, Reported
from spark_jobs.patterns.detections import (
    DETECTIONS_SCHEMA,
    REPORTED_COLUMNS,
    SHADOW_SCHEMA,
    Detection,
    detection_rows,
    parse_detection_rows,
    shadow_rows,
)
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.commit_metadata import COMMIT_ID, last_metadata
from spark_jobs.store.delta import with_columns
from spark_jobs.store.line_table import CommitRaceLostError, LineTable, open_table
from spark_jobs.store.new_table import open_or_create_table
from spark_jobs.store.objects import Objects

APPLICATION = "detector"
# Appends slow down with the number of files (docs/decisions/0004).
_APPENDS_BETWEEN_COMPACTIONS = 50
# Metadata of each commit to pairs, so that a start does not have to count all detections.
DETECTIONS_SO_FAR = "detectionsSoFar"


class StateTables:
    """The reader of the state and, unless Spark writes it, its writer: a second one loses the race and stops.

    Args:
        lake: the lake.
        writer: the kind of writer that commits, new tables are created for, and existing ones must have.
    """

    def __init__(self, lake: Objects, writer: Writer = Writer.DELTALAKE) -> None:
        self._writer = writer
        # Pairs first, so that the commit to pairs detects whatever another detector commits meanwhile.
        self._pairs = self._open(lake.place(layout.PAIRS), PAIRS_SCHEMA, sorted_by="merchant")
        self._merchants = self._open(lake.place(layout.MERCHANTS), MERCHANTS_SCHEMA)
        self._detections = self._open(lake.place(layout.DETECTIONS), DETECTIONS_SCHEMA)
        if writer is Writer.DELTALAKE:
            # Tables of earlier releases have fewer columns.
            self._merchants.add_columns(MERCHANTS_SCHEMA)
            self._detections.add_columns(DETECTIONS_SCHEMA)
        self._shadow_url = lake.place(layout.SHADOW)
        self._shadow = open_table(self._shadow_url, APPLICATION)
        if self._shadow:
            verify_writer(self._shadow.handle, self._shadow_url, writer)
        self.url = lake.url
        self._rows_appended = 0
        self._detections_so_far: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="state-merchants")

    def load(self, with_pairs: bool = True) -> LoadedState:
        """Read the state as of the committed line; the time grows with the pairs, not with the detections."""
        committed = self._pairs.line or 0
        pairs = PairState()
        if with_pairs or self._pairs.lacks(PAIRS_SCHEMA):
            rows = _read(self._pairs, PAIRS_SCHEMA)
            self._rows_appended = rows.num_rows
            pairs = restore_state(rows)
            self._migrate(pairs, committed)
        detected = max(committed, self._detections.line or 0)
        beyond = self._reported(pc.field(LINE) > committed) if detected > committed else None
        self._detections_so_far = self._count_detections(beyond)
        next_seq = self._detections.greatest("seq")
        reported = Reported(0 if next_seq is None else next_seq + 1, detected, beyond)
        self._upgrade()
        recorded = max(detected, (self._shadow.line if self._shadow else None) or 0)
        counts = self._detections_so_far.copy()
        return LoadedState(pairs if with_pairs else PairState(), committed, reported, counts, recorded)

    def detections_from(self, seq: int) -> list[Detection]:
        """Return the detections from a sequence number on, in order."""
        return parse_detection_rows(self._detections.read(DETECTIONS_SCHEMA.names, pc.field("seq") >= seq))

    @property
    def begun(self) -> bool:
        """Whether a line has been committed."""
        return self._pairs.line is not None

    def begin_at(self, line: int, pairs: pa.Table, merchants: pa.Table, detections: pa.Table) -> None:
        """Initialize empty tables with the state as of `line`; if interrupted, call it again with the same rows.

        Raises:
            SecondDetectorError, StorageError: as in `commit`.
        """
        with self._single_writer():
            # In the order of a commit: pairs make the state count.
            for table, rows in (
                (self._detections, detections),
                (self._merchants, merchants),
                (self._pairs, pairs),
            ):
                if table.line is None:
                    table.append(rows, line)

    def last_metadata(self, key: str) -> str | None:
        """Return the value of `key` in the last commit to pairs that has it."""
        return last_metadata(self._pairs.handle, key)

    def newest_commit(self) -> NewestCommit:
        """Return the newest commit to pairs, of any writer."""
        pairs = open_table(self._pairs.url, APPLICATION)
        assert pairs, "created before"
        verify_writer(pairs.handle, pairs.url, self._writer)
        files = pa.table(pairs.handle.get_add_actions(flatten=True))
        rows = pc.sum(files.column("num_records")).as_py() if files.num_rows else 0
        return NewestCommit(pairs.line or 0, last_metadata(pairs.handle, COMMIT_ID), rows)

    def recorded_lines(self) -> tuple[int, int]:
        """Return the lines up to which merchants and shadow rows are recorded, at least the committed line."""
        committed = self._pairs.line or 0
        tables = (self._merchants, self._shadow)
        merchants, shadow = (max(committed, (table.line if table else None) or 0) for table in tables)
        return merchants, shadow

    def create_shadow(self) -> None:
        """Create the table of shadow rows if there is none."""
        if self._shadow is None:
            self._shadow = self._open(self._shadow_url, SHADOW_SCHEMA)

    def names(self) -> list[str]:
        """Return the paths of the tables."""
        return [layout.PAIRS, layout.MERCHANTS, layout.DETECTIONS, *([layout.SHADOW] if self._shadow else [])]

    def place(self, name: str) -> str:
        """Return the URL of a table."""
        return f"{self.url}/{name}"

    def adoptions(self) -> list[RecordedAdoption]:
        """Return the adoptions of rules in force from the committed line on, in order of line."""
        return recorded_adoptions(self._pairs.mark, self._pairs.line or 0)

    def adopt(self, adoption: RecordedAdoption) -> None:
        """Record that a version of the rules is in force from a line on, before anything is detected by it.

        Recorded in a commit to pairs, which only the one writer of the state can make, and never lost.

        Raises:
            SecondDetectorError, StorageError: as in `commit`.
        """
        with self._single_writer():
            # Without the count of detections, which may be ahead of pairs after a kill.
            rows, line = PAIRS_SCHEMA.empty_table(), self._pairs.line or 0
            self._pairs.append(rows, line, adoption_metadata(adoption), adoption_marks(adoption))

    def commit(self, outcome: Outcome, metadata: Mapping[str, str]) -> None:
        """Append one micro-batch; it counts once pairs are appended.

        Raises:
            SecondDetectorError: another detector has committed; its state is correct, and this one must stop.
            StorageError: the store failed; restart from the committed line.
        """
        with self._single_writer():
            merchants = self._pool.submit(self._append_merchants, outcome)
            self._append_shadow(outcome)
            if outcome.detections:
                self._detections.append(detection_rows(outcome.detections), outcome.line)
            merchants.result()
            self._pairs.append(outcome.pairs, outcome.line, self.counted(outcome.detections, metadata))
        self._rows_appended += outcome.pairs.num_rows

    def compact_if_due(self, state: PairState | None, line: int, metadata: Mapping[str, str]) -> str | None:
        """Compact one table if it is due; return its URL.

        Every 50 appends the small files of a table are merged. Once half of the rows of pairs are superseded, and the
        whole `state` is at hand, the table is overwritten with one row per pair; so each row is rewritten about once,
        whatever the number of pairs.

        Raises:
            SecondDetectorError: as in `commit`.
        """
        tables = (self._pairs, self._merchants, self._detections, *([self._shadow] if self._shadow else []))
        due = next((table for table in tables if table.appends >= _APPENDS_BETWEEN_COMPACTIONS), None)
        if due is None:
            return None
        with self._single_writer():
            if due is self._pairs and state is not None and self._rows_appended >= 2 * len(state):
                self._pairs.overwrite(all_pair_rows(state, line), line, self._with_count(metadata))
                self._rows_appended = len(state)
            else:
                due.compact()
        return due.url

    @contextmanager
    def _single_writer(self) -> Iterator[None]:
        try:
            yield
        except CommitRaceLostError as error:
            msg = f"{error}: a second detector runs on {self.url}; stop one of them, nothing was lost or duplicated"
            raise SecondDetectorError(msg) from error

    def _append_merchants(self, outcome: Outcome) -> None:
        before = self._merchants.line or 0
        rows = outcome.merchants.filter(pc.greater(outcome.merchants.column(LINE), before))
        if rows.num_rows:
            self._merchants.append(rows, outcome.line)

    def _append_shadow(self, outcome: Outcome) -> None:
        """Append the rows that a killed detector has not; they are the same, because the same rules find them."""
        rows = shadow_rows(outcome.shadow)
        if rows.num_rows:
            self.create_shadow()
        if self._shadow is not None:
            rows = rows.filter(pc.greater(rows.column(LINE), self._shadow.line or 0))
            if rows.num_rows:
                self._shadow.append(rows, outcome.line)

    def _migrate(self, pairs: PairState, committed: int) -> None:
        """Add the reported patterns, taken from all detections, to a table of an earlier release."""
        if not self._pairs.lacks(PAIRS_SCHEMA):
            return
        if not len(pairs):
            self._pairs.add_columns(PAIRS_SCHEMA)
            return
        reported = self._reported(pc.field(LINE) <= committed)
        pairs.mark_reported(*(reported.column(name) for name in REPORTED_COLUMNS))
        # Columns and rows in one commit.
        self._pairs.overwrite(all_pair_rows(pairs, committed), committed)
        self._rows_appended = len(pairs)

    def _upgrade(self) -> None:
        """Mark tables of an earlier version as upgraded, once they have all columns."""
        if self._writer is Writer.DELTALAKE:
            for table in (self._pairs, self._merchants, self._detections):
                table.describe(state_description(self._writer), state_properties(self._writer))

    def _reported(self, which: pc.Expression) -> pa.Table:
        return self._detections.read([*REPORTED_COLUMNS, LINE], which)

    def _count_detections(self, beyond: pa.Table | None) -> Counter[str]:
        text = self.last_metadata(DETECTIONS_SO_FAR)
        if text is None:
            ids = self._detections.read(["patternId"]).column("patternId")
        else:
            ids = beyond.column("patternId") if beyond else pa.chunked_array([], pa.string())
        counts = {entry["values"]: entry["counts"] for entry in ids.value_counts().to_pylist()}
        return Counter(json.loads(text) if text else {}) + Counter(counts)

    def counted(self, detections: Sequence[Detection], metadata: Mapping[str, str]) -> dict[str, str]:
        """Return the metadata of a commit of more detections to pairs."""
        self._detections_so_far.update(detection.pattern_id for detection in detections)
        return self._with_count(metadata)

    def _with_count(self, metadata: Mapping[str, str]) -> dict[str, str]:
        return {**metadata, DETECTIONS_SO_FAR: json.dumps(self._detections_so_far)}

    def _open(self, url: str, schema: pa.Schema, sorted_by: str | None = None) -> LineTable:
        table = open_or_create_table(url, APPLICATION, new_state_table(schema, self._writer), sorted_by)
        verify_state_version(table.handle, url)
        verify_writer(table.handle, url, self._writer)
        return table


def open_state(lake: Objects, name: str) -> LineTable | None:
    """Open a table of the state for reading; return None if there is none.

    Raises:
        StateError: this release cannot read it.
    """
    table = open_table(lake.place(name), APPLICATION)
    if table:
        verify_state_version(table.handle, table.url)
    return table


def _read(table: LineTable, schema: pa.Schema) -> pa.Table:
    return with_columns(table.read(), schema)
