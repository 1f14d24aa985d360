"""The past state of a lake at a line, reconstructed from its tables without writing to them.

`state/pairs` has totals as of the ends of micro-batches. A rewrite (by the detector's compaction or `maintain_state`)
leaves one row per pair, all as of one line; earlier lines are then in older versions of the table, as long as
`maintain_state` keeps their files. So each version covers the lines of its rows, from a lowest line on, and the lowest
line never decreases from one version to the next. Spark rewrites some merchants at a time, so a version that it has
written covers its own committed line only.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from spark_jobs.columns import LINE
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.lake.state_version import HISTORY_PROPERTY, Writer, state_writer, verify_state_version
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, REPORTED_COLUMNS
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import explain_damage, find_table, storage_options, with_columns
from spark_jobs.store.failures import retry, translate_errors
from spark_jobs.store.objects import Objects

_Result = TypeVar("_Result")
_REPORTED_SCHEMA = pa.schema([DETECTIONS_SCHEMA.field(name) for name in REPORTED_COLUMNS])
# An entry of a table's log, or a checkpoint.
_LOG_ENTRY = re.compile(r"/(\d{20})\.(json|checkpoint)\b")


@dataclass(frozen=True)
class PastState:
    """Rows of the three tables as of `line`: one per pair, and all rows up to it of the others."""

    line: int
    pairs: pa.Table
    merchants: pa.Table
    detections: pa.Table


@dataclass(frozen=True)
class Neighbours:
    """The nearest lines whose state is kept, below and above a line; None if there is none."""

    below: int | None
    above: int | None


def read_state_at(lake: Objects, line: int) -> PastState | Neighbours:
    """Return the state of a lake as of a line above 0, or the nearest lines whose state is kept.

    The state is kept at the ends of micro-batches: since the last rewrite in the newest version of `state/pairs`,
    before it in older versions whose files all exist.

    Raises:
        StateError: this release cannot read the tables' state version.
        TableDamagedError, TableFeatureError: a table cannot be used as it is.
        StorageError: the store failed each time, or files are being deleted: run again.
    """
    return _reading(lake, lambda: _read_state_at(lake, line))


def read_pairs_at(lake: Objects, line: int) -> PairState | Neighbours:
    """Return the pairs as of a line above 0, with what was reported of them by then; otherwise as `read_state_at`."""
    return _reading(lake, lambda: _read_pairs_at(lake, line))


def find_kept_lines(lake: Objects, line: int) -> Neighbours:
    """Return the nearest lines whose state is kept: at or below a line, and above it; raises as `read_state_at`."""
    return _reading(lake, lambda: _PairsVersions(lake).neighbours(line))


def _reading(lake: Objects, read: Callable[[], _Result]) -> _Result:
    def attempt() -> _Result:
        with translate_errors(lake.place("state")):
            return read()

    with explain_damage(*map(lake.place, (layout.PAIRS, layout.MERCHANTS, layout.DETECTIONS))):
        return retry(attempt)


def _read_state_at(lake: Objects, line: int) -> PastState | Neighbours:
    state = _read_pairs_at(lake, line)
    if isinstance(state, Neighbours):
        return state
    detections = _rows_through(_newest(lake, layout.DETECTIONS), line, DETECTIONS_SCHEMA)
    merchants = _rows_through(_newest(lake, layout.MERCHANTS), line, MERCHANTS_SCHEMA)
    return PastState(line, all_pair_rows(state, line), merchants, detections)


def _read_pairs_at(lake: Objects, line: int) -> PairState | Neighbours:
    versions = _PairsVersions(lake)
    pairs = versions.rows_at(line)
    if pairs is None:
        return versions.neighbours(line)
    state = restore_state(pairs)
    # Rows of earlier releases do not have it.
    reported = _rows_through(_newest(lake, layout.DETECTIONS), line, _REPORTED_SCHEMA)
    state.mark_reported(*(reported.column(name) for name in REPORTED_COLUMNS))
    return state


class _PairsVersions:
    """The versions of `state/pairs` with rows, from the oldest that the log can reconstruct to the newest."""

    def __init__(self, lake: Objects) -> None:
        self._url = lake.place(layout.PAIRS)
        newest = _newest(lake, layout.PAIRS)
        self._lowest_line = cache(self._read_lowest_line)
        every = range(_oldest_version(lake), newest.version() + 1) if newest else range(0)
        self._versions = every[bisect_right(every, 0, key=self._lowest_line) :]
        self._files = {found.path for found in lake.list_objects(layout.PAIRS)}

    def rows_at(self, line: int) -> pa.Table | None:
        """Return the rows of the state as of a line, or None if it is not kept."""
        at = self._last_covering(line)
        if at is None or not self._is_complete(at):
            return None
        table = self._open(at)
        return _rows_through(table, line, PAIRS_SCHEMA) if line in _batch_ends(table) else None

    def neighbours(self, line: int) -> Neighbours:
        """Return the nearest lines whose state is kept."""
        at = self._last_covering(line)
        if at is None or not self._is_complete(at):
            # Files are deleted in the order in which they were replaced, so completeness is monotonic in the version.
            complete = bisect_left(self._versions, True, key=lambda v: self._is_complete(self._last_like(v)))
            return Neighbours(None, self._lowest_line(self._versions[complete]) if self._versions else None)
        ends = _batch_ends(self._open(at))
        above = [end for end in ends if end > line]
        if not above and at < self._versions[-1]:
            above = [self._lowest_line(at + 1)]
        return Neighbours(max((end for end in ends if end <= line), default=None), min(above, default=None))

    def _last_covering(self, line: int) -> int | None:
        """Return the last version whose lowest line is not above `line`."""
        found = bisect_right(self._versions, line, key=self._lowest_line)
        return self._versions[found - 1] if found else None

    def _last_like(self, version: int) -> int:
        return self._versions[bisect_right(self._versions, self._lowest_line(version), key=self._lowest_line) - 1]

    def _is_complete(self, version: int) -> bool:
        paths = pa.table(self._open(version).get_add_actions(flatten=True)).column("path").to_pylist()
        return self._files.issuperset(f"{layout.PAIRS}/{path}" for path in paths)

    def _read_lowest_line(self, version: int) -> int:
        table = self._open(version)
        if state_writer(table) is Writer.SPARK:
            return table.transaction_version(APPLICATION) or 0
        files = pa.table(table.get_add_actions(flatten=True))
        lowest = pc.min(files.column(f"min.{LINE}")).as_py() if files.num_rows else None
        return max(lowest or 0, int(table.metadata().configuration.get(HISTORY_PROPERTY, 0)))

    def _open(self, version: int) -> DeltaTable:
        return DeltaTable(self._url, version=version, storage_options=storage_options())


def _oldest_version(lake: Objects) -> int:
    """Return the first version that the log can reconstruct: 0, or the first checkpoint if entries were deleted."""
    # Spark writes checksums beside them.
    entries = (
        found for path in lake.list_after(f"{layout.PAIRS}/_delta_log", "") if (found := _LOG_ENTRY.search(path))
    )
    first = next(entries)
    return 0 if int(first[1]) == 0 else next(int(found[1]) for found in (first, *entries) if found[2] != "json")


def _newest(lake: Objects, name: str) -> DeltaTable | None:
    url = lake.place(name)
    table = find_table(url)
    if table:
        verify_state_version(table, url)
    return table


def _batch_ends(table: DeltaTable) -> set[int]:
    """Return the lines whose state a version covers."""
    lines = table.to_pyarrow_dataset().to_table(columns=[LINE]).column(LINE)
    committed = table.transaction_version(APPLICATION)
    return {*pc.unique(lines).to_pylist(), *(() if committed is None else (committed,))}


def _rows_through(table: DeltaTable | None, line: int, schema: pa.Schema) -> pa.Table:
    """Return the rows up to a line, null in columns added by later releases."""
    if table is None:
        return schema.empty_table()
    rows = table.to_pyarrow_dataset()
    present = [name for name in schema.names if name in rows.schema.names]
    return with_columns(rows.to_table(columns=present, filter=pc.field(LINE) <= line), schema)
