"""The three tables of the state: opened as of the committed line, appended one micro-batch at a time.

Order makes a batch safe at every instruction: detections and merchants first, pairs last. The last line in
`state/pairs` is the committed line. Rows beyond it, which a killed detector left in the other two, are right (they are
a function of the chunks alone) and are not appended again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from spark_jobs.columns import LINE
from spark_jobs.errors import SecondDetectorError, StateError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake import layout
from spark_jobs.lake.pair_files import PairFile
from spark_jobs.patterns.detect import Outcome, Reported
from spark_jobs.patterns.detections import (
    DETECTIONS_SCHEMA,
    REPORTED_COLUMNS,
    Detection,
    detection_rows,
    parse_detection_rows,
)
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import tried_again, with_columns
from spark_jobs.store.line_table import CommitRaceLostError, LineTable, open_or_create_table
from spark_jobs.store.objects import Objects

APPLICATION = "detector"
STATE_VERSION = 1
# Kept as the tables' description, which every writer of Delta hands on.
STATE_DESCRIPTION = f"transaction-patterns state version {STATE_VERSION}"

# An append slows with the number of files (docs/decisions/0004).
_APPENDS_BETWEEN_COMPACTIONS = 50


# Carried by each commit to pairs, so that a start need not count all detections of all time.
_DETECTIONS_SO_FAR = "detectionsSoFar"


@dataclass(frozen=True)
class LoadedState:
    """What a detector starts from.

    Attributes:
        pairs: the state, which knows what was reported of its pairs and merchants; empty where it was not asked for.
        committed_line: all lines below it are in `pairs`.
        reported: what is in `state/detections`, as far as `pairs` does not know it.
        detections: how many so far, by pattern id.
    """

    pairs: PairState
    committed_line: int
    reported: Reported
    detections: Counter[str]


class StateTables:
    """The writer of the state. There is one a lake; a second one loses the race and stops."""

    def __init__(self, lake: Objects) -> None:
        # Pairs first: what another detector commits meanwhile is then found by the commit to pairs.
        self._pairs = _open(lake.place(layout.PAIRS), PAIRS_SCHEMA, sorted_by="merchant")
        self._merchants = _open(lake.place(layout.MERCHANTS), MERCHANTS_SCHEMA)
        self._detections = _open(lake.place(layout.DETECTIONS), DETECTIONS_SCHEMA)
        for table, schema in ((self._merchants, MERCHANTS_SCHEMA), (self._detections, DETECTIONS_SCHEMA)):
            # A table that an earlier detector made has fewer columns; its rows have null there.
            table.add_columns(schema)
        self._lake = lake.url
        self._rows_appended = 0
        self._detections_so_far: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="state-merchants")

    def load(self, with_pairs: bool = True) -> LoadedState:
        """Read the state as of the committed line; its time grows with the rows of pairs, not with the detections.

        Args:
            with_pairs: read the pairs, too.
        """
        committed = self._pairs.line or 0
        pairs = PairState()
        if with_pairs or self._pairs.lacks(PAIRS_SCHEMA):
            rows = _read(self._pairs, PAIRS_SCHEMA)
            self._rows_appended = rows.num_rows
            pairs = PairState.restore(rows)
            self._bring_up(pairs, committed)
        detected = max(committed, self._detections.line or 0)
        beyond = self._reported(pc.field(LINE) > committed) if detected > committed else None
        self._detections_so_far = self._count_detections(beyond)
        next_seq = self._detections.greatest("seq")
        reported = Reported(0 if next_seq is None else next_seq + 1, detected, beyond)
        return LoadedState(pairs if with_pairs else PairState(), committed, reported, self._detections_so_far.copy())

    def pair_files(self) -> list[PairFile]:
        """Return the files of pairs as of the last commit."""
        files = pa.table(self._pairs.handle.get_add_actions(flatten=True))
        columns = ("path", "size_bytes", "min.merchant", "max.merchant")
        rows = zip(*(files.column(name).to_pylist() for name in columns), strict=True) if files.num_rows else ()
        # A file without rows has no least merchant.
        return [PairFile(f"{layout.PAIRS}/{path}", *rest) for path, *rest in rows if rest[1] is not None]

    def detections_from(self, seq: int) -> list[Detection]:
        """Return the detections from a number on, in order."""
        return parse_detection_rows(self._detections.read(DETECTIONS_SCHEMA.names, pc.field("seq") >= seq))

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
        commits = tried_again(self._pairs.url, lambda: self._pairs.handle.history(limit=4))
        for commit in commits:
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
            self._detections_so_far.update(detection.pattern_id for detection in outcome.detections)
            self._pairs.append(outcome.pairs, outcome.line, self._with_count(metadata))
        self._rows_appended += outcome.pairs.num_rows

    def compact_if_due(self, state: PairState | None, line: int, metadata: dict[str, str]) -> str | None:
        """Keep the tables small as they are written, at most one a batch; return the URL of the one that was.

        Every 50 appends a table's small files are merged; where half of the rows of pairs are superseded, all pairs
        are written anew, one row each, so that a row is rewritten about once whatever the number of pairs: where the
        whole `state` is here.

        Raises:
            SecondDetectorError: as in `commit`.
        """
        tables = (self._pairs, self._merchants, self._detections)
        due = next((table for table in tables if table.appends >= _APPENDS_BETWEEN_COMPACTIONS), None)
        if due is None:
            return None
        with self._alone():
            if due is self._pairs and state is not None and self._rows_appended >= 2 * len(state):
                self._pairs.overwrite(state.all_rows(line), line, self._with_count(metadata))
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
        rows = outcome.merchants.filter(pc.greater(outcome.merchants.column(LINE), before))
        if rows.num_rows:
            self._merchants.append(rows, outcome.line)

    def _bring_up(self, pairs: PairState, committed: int) -> None:
        """Where an earlier detector made the table: take what was reported from all detections, once and for all."""
        if not self._pairs.lacks(PAIRS_SCHEMA):
            return
        if not len(pairs):
            self._pairs.add_columns(PAIRS_SCHEMA)
            return
        reported = self._reported(pc.field(LINE) <= committed)
        pairs.mark_reported(*(reported.column(name) for name in REPORTED_COLUMNS))
        # One commit, columns and rows.
        self._pairs.overwrite(pairs.all_rows(committed), committed)
        self._rows_appended = len(pairs)

    def _reported(self, which: pc.Expression) -> pa.Table:
        return self._detections.read([*REPORTED_COLUMNS, LINE], which)

    def _count_detections(self, beyond: pa.Table | None) -> Counter[str]:
        text = self.last_metadata(_DETECTIONS_SO_FAR)
        if text is None:
            ids = self._detections.read(["patternId"]).column("patternId")
        else:
            ids = beyond.column("patternId") if beyond else pa.chunked_array([], pa.string())
        counts = {entry["values"]: entry["counts"] for entry in ids.value_counts().to_pylist()}
        return Counter(json.loads(text) if text else {}) + Counter(counts)

    def _with_count(self, metadata: dict[str, str]) -> dict[str, str]:
        return metadata | {_DETECTIONS_SO_FAR: json.dumps(self._detections_so_far)}


def verify_state_version(table: DeltaTable, url: str) -> None:
    """Raise StateError where a table is not of the state's version that is known here."""
    description = table.metadata().description
    if description != STATE_DESCRIPTION:
        msg = f"{url} is {description!r}, this detector knows {STATE_DESCRIPTION!r}; run the version that wrote it"
        raise StateError(msg)


def _open(url: str, schema: pa.Schema, sorted_by: str | None = None) -> LineTable:
    table = open_or_create_table(url, APPLICATION, schema, STATE_DESCRIPTION, sorted_by)
    verify_state_version(table.handle, url)
    return table


def _read(table: LineTable, schema: pa.Schema) -> pa.Table:
    return with_columns(table.read(), schema)
