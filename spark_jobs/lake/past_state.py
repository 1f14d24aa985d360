"""The state of a lake as it was at a line, read from what its tables still hold; nothing is written there.

`state/pairs` holds totals as of the ends of micro-batches. A rewrite (by the detector's compaction or `maintain_state`)
leaves one row a pair, all as of one line: what was before is then in older versions of the table, as long as
`maintain_state` keeps their files. So a version holds the lines of its rows, and no line below the least of them; and
that least line only grows from one version to the next.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_jobs.columns import LINE
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import APPLICATION, verify_state_version
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, REPORTED_COLUMNS
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import find, storage_options, with_columns
from spark_jobs.store.error_text import cause
from spark_jobs.store.failures import storage_failure
from spark_jobs.store.objects import Objects
from spark_jobs.store.retries import retried


@dataclass(frozen=True)
class PastState:
    """Rows of the three tables as of `line`: of pairs one each, of the others all of the chunks up to there."""

    line: int
    pairs: pa.Table
    merchants: pa.Table
    detections: pa.Table


@dataclass(frozen=True)
class Neighbours:
    """The nearest lines whose state is kept, below and above one that is not; None where there is none."""

    below: int | None
    above: int | None


def read_state_at(lake: Objects, line: int) -> PastState | Neighbours:
    """Return the state of a lake as of a line above 0, or the nearest lines whose state is kept.

    Kept are the lines at which a micro-batch ended, since the last rewrite of `state/pairs` in the newest version of
    it whose files are all there, and before it in older versions.

    Raises:
        StateError: the tables are not those of this version of the detector.
        StorageError: the store failed again and again, or files are deleted all the time: try again.
    """
    return retried(lambda: _read_state_at(lake, line))


def _read_state_at(lake: Objects, line: int) -> PastState | Neighbours:
    try:
        versions = _PairsVersions(lake)
        pairs = versions.rows_at(line)
        if pairs is None:
            return versions.neighbours(line)
        detections = _rows_through(_newest(lake, layout.DETECTIONS), line, DETECTIONS_SCHEMA)
        state = PairState.restore(pairs)
        # Rows of an earlier detector do not know it.
        state.mark_reported(*(detections.column(name) for name in REPORTED_COLUMNS))
        merchants = _rows_through(_newest(lake, layout.MERCHANTS), line, MERCHANTS_SCHEMA)
        return PastState(line, state.all_rows(line), merchants, detections)
    except (DeltaError, OSError) as error:
        raise storage_failure(lake.place("state"), error) from cause(error)


class _PairsVersions:
    """The versions of `state/pairs` that have rows, from the oldest that the log can still show to the newest."""

    def __init__(self, lake: Objects) -> None:
        self._url = lake.place(layout.PAIRS)
        newest = _newest(lake, layout.PAIRS)
        self._least_line = cache(self._read_least_line)
        every = range(_oldest_version(lake), newest.version() + 1) if newest else range(0)
        self._versions = every[bisect_right(every, 0, key=self._least_line) :]
        self._files = {found.path for found in lake.list_objects(layout.PAIRS)}

    def rows_at(self, line: int) -> pa.Table | None:
        """Return the rows that tell the state as of a line, None where it is not kept."""
        at = self._last_that_holds(line)
        if at is None or not self._is_whole(at):
            return None
        table = self._open(at)
        return _rows_through(table, line, PAIRS_SCHEMA) if line in _batch_ends(table) else None

    def neighbours(self, line: int) -> Neighbours:
        """Return the nearest lines whose state is kept."""
        at = self._last_that_holds(line)
        if at is None or not self._is_whole(at):
            # From here on, what holds a line is whole: files are deleted in the order in which they were replaced.
            whole = bisect_left(self._versions, True, key=lambda v: self._is_whole(self._last_like(v)))
            return Neighbours(None, self._least_line(self._versions[whole]) if self._versions else None)
        ends = _batch_ends(self._open(at))
        above = [end for end in ends if end > line]
        if not above and at < self._versions[-1]:
            above = [self._least_line(at + 1)]
        return Neighbours(max((end for end in ends if end <= line), default=None), min(above, default=None))

    def _last_that_holds(self, line: int) -> int | None:
        """Return the last version that has not been rewritten as of a greater line."""
        found = bisect_right(self._versions, line, key=self._least_line)
        return self._versions[found - 1] if found else None

    def _last_like(self, version: int) -> int:
        return self._versions[bisect_right(self._versions, self._least_line(version), key=self._least_line) - 1]

    def _is_whole(self, version: int) -> bool:
        paths = pa.table(self._open(version).get_add_actions(flatten=True)).column("path").to_pylist()
        return self._files.issuperset(f"{layout.PAIRS}/{path}" for path in paths)

    def _read_least_line(self, version: int) -> int:
        files = pa.table(self._open(version).get_add_actions(flatten=True))
        least = pc.min(files.column(f"min.{LINE}")).as_py() if files.num_rows else None
        return least or 0

    def _open(self, version: int) -> DeltaTable:
        return DeltaTable(self._url, version=version, storage_options=storage_options())


def _oldest_version(lake: Objects) -> int:
    """Return the first version that the log can show: 0, or that of the first checkpoint where entries are gone."""
    first = next(iter(lake.list_after(f"{layout.PAIRS}/_delta_log", "")))
    if first.endswith(f"{0:020d}.json"):
        return 0
    checkpoints = (path for path in lake.list_after(f"{layout.PAIRS}/_delta_log", "") if ".checkpoint." in path)
    return int(next(checkpoints).rpartition("/")[2][:20])


def _newest(lake: Objects, name: str) -> DeltaTable | None:
    url = lake.place(name)
    table = find(url)
    if table:
        verify_state_version(table, url)
    return table


def _batch_ends(table: DeltaTable) -> set[int]:
    """Return the lines whose state the rows of a version tell."""
    lines = table.to_pyarrow_dataset().to_table(columns=[LINE]).column(LINE)
    committed = table.transaction_version(APPLICATION)
    return {*pc.unique(lines).to_pylist(), *(() if committed is None else (committed,))}


def _rows_through(table: DeltaTable | None, line: int, schema: pa.Schema) -> pa.Table:
    """Return the rows of lines up to one, null in columns that an earlier detector did not know."""
    if table is None:
        return schema.empty_table()
    return with_columns(table.to_pyarrow_dataset().to_table(filter=pc.field(LINE) <= line), schema)
