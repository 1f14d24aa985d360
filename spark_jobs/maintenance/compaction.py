"""Maintenance of the Delta tables, safe while the detector and the chunker write to them.

Every commit here replaces rows of lines at or below the committed line, which nobody else writes. Where one of the
others rewrites the same files meanwhile, one of the two commits is refused and made again on top of the other.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from spark_jobs.columns import LINE
from spark_jobs.errors import StorageError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import find, missing_columns, tried_again
from spark_jobs.store.line_table import NO_CLEANING, WRITER

_SORT_ORDER = ["merchant", "customer"]
# Of pairs, a part of which is rewritten at a time: 2 GB of memory.
_ROWS_AT_A_TIME = 5_000_000


@dataclass(frozen=True)
class Rewrite:
    """What became of a table: rows through a line, before and after."""

    through_line: int
    rows_before: int
    rows_after: int


@dataclass(frozen=True)
class Merchants:
    """Those from one name to another, both included."""

    first: str
    last: str

    @property
    def rows(self) -> pc.Expression:
        """Their rows, for reading."""
        return (pc.field("merchant") >= self.first) & (pc.field("merchant") <= self.last)

    @property
    def predicate(self) -> str:
        """Their rows, for replacing."""
        first, last = (name.replace("'", "''") for name in (self.first, self.last))
        return f"merchant >= '{first}' AND merchant <= '{last}'"


def compact_pairs(url: str, rows_at_a_time: int = _ROWS_AT_A_TIME) -> Rewrite | None:
    """Leave one row a pair in the table at `url`, in order of merchant; None where there is no state yet.

    The rows stand for the state as of the committed line; what the detector appends meanwhile has greater lines and
    stays. Some merchants follow others, one commit for about so many rows, so that the memory which it takes does not
    grow with the state. A crash leaves those that were done, and the others as they were.

    Raises:
        StorageError: the store failed, or the detector's own compactions came in between each time.
    """
    done = []
    for merchants in _in_parts(url, rows_at_a_time):
        rewrite = _rewrite(url, PAIRS_SCHEMA, lambda committed_line: committed_line, _one_row_a_pair, merchants)
        if rewrite is None:
            return None
        done.append(rewrite)
    if not done:
        return None
    through = min(rewrite.through_line for rewrite in done)
    return Rewrite(through, sum(r.rows_before for r in done), sum(r.rows_after for r in done))


def _in_parts(url: str, rows_at_a_time: int) -> list[Merchants | None]:
    """Return all merchants of pairs in parts of about so many rows; None stands for all, where they are fewer."""
    counts = tried_again(url, lambda: _rows_of_each_merchant(url))
    if counts is None:
        return []
    if counts.total() <= rows_at_a_time:
        return [None]
    parts: list[Merchants | None] = []
    names: list[str] = []
    rows = 0
    for name in sorted(counts):
        if names and rows + counts[name] > rows_at_a_time:
            parts.append(Merchants(names[0], names[-1]))
            names, rows = [], 0
        names.append(name)
        rows += counts[name]
    return [*parts, Merchants(names[0], names[-1])]


def _rows_of_each_merchant(url: str) -> Counter[str] | None:
    table = find(url)
    if table is None:
        return None
    counts: Counter[str] = Counter()
    for batch in table.to_pyarrow_dataset().scanner(columns=["merchant"]).to_batches():
        counts.update({entry["values"]: entry["counts"] for entry in batch.column(0).value_counts().to_pylist()})
    return counts


def thin_merchants(url: str, below_line: int) -> Rewrite | None:
    """Leave one row a merchant, the newest, of all lines below one; raises what `compact_pairs` does.

    The table gets a row for each merchant and chunk: as long as the chunks are kept, so is this history.
    """
    return _rewrite(url, MERCHANTS_SCHEMA, lambda _: below_line - 1, _newest_of_each_merchant)


def _one_row_a_pair(rows: pa.Table, line: int) -> pa.Table:
    return PairState.restore(rows).all_rows(line).sort_by([(name, "ascending") for name in _SORT_ORDER])


def _newest_of_each_merchant(rows: pa.Table, line: int) -> pa.Table:  # noqa: ARG001 - as for pairs
    newest = rows.group_by("merchant").aggregate([(LINE, "max")])
    return rows.join(newest, keys=["merchant", LINE], right_keys=["merchant", f"{LINE}_max"], join_type="inner")


def _rewrite(
    url: str,
    schema: pa.Schema,
    through: Callable[[int], int],
    rewritten: Callable[[pa.Table, int], pa.Table],
    merchants: Merchants | None = None,
) -> Rewrite | None:
    """Replace the rows through a line, which follows from the committed line, by fewer: all, or some merchants'."""

    def rewrite() -> Rewrite | None:
        table = find(url)
        committed_line = table.transaction_version(APPLICATION) if table else None
        # Where an earlier detector made it, the next one to start brings it up to date first.
        if table is None or committed_line is None or missing_columns(table, schema):
            return None
        line = through(committed_line)
        which = pc.field(LINE) <= line
        if merchants:
            which &= merchants.rows
        before = table.to_pyarrow_dataset().to_table(filter=which).select(schema.names).cast(schema)
        after = rewritten(before, line).select(schema.names)
        if after.num_rows < before.num_rows:
            _replace_through(table, line, after, merchants)
        return Rewrite(line, before.num_rows, after.num_rows)

    # Harmless to repeat: where a commit took effect and its answer was lost, all rows are fewer already.
    return tried_again(url, rewrite)


def vacuum(url: str) -> int:
    """Delete files that no version of the last day refers to, and log entries older than that; return how many files.

    Files that a killed writer left out of the log are among them.

    Raises:
        StorageError: the store failed again and again; run again.
    """

    def delete() -> int:
        table = find(url)
        if table is None:
            return 0
        # As old as the table's own settings say, and never less.
        deleted = table.vacuum(dry_run=False, full=True, post_commithook_properties=NO_CLEANING)
        # Entries may go only where a checkpoint stands for them.
        table.create_checkpoint()
        table.cleanup_metadata()
        return len(deleted)

    return tried_again(url, delete)


def _replace_through(table: DeltaTable, line: int, rows: pa.Table, merchants: Merchants | None) -> None:
    try:
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            predicate=f"{LINE} <= {line}" + (f" AND {merchants.predicate}" if merchants else ""),
            writer_properties=WRITER,
            post_commithook_properties=NO_CLEANING,
        )
    except CommitFailedError as error:
        # The detector compacts every 50 batches: hardly each time that this is tried.
        msg = f"{table.table_uri}: the detector rewrote it meanwhile; nothing was changed, run again"
        raise StorageError(msg) from error
