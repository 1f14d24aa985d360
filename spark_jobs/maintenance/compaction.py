"""Maintenance of the Delta tables, safe while chunker and detector write to them.

Commits replace rows at or below the committed line, which nothing else writes. If another writer rewrites the same
files meanwhile, one of the two commits is refused and retried on top of the other.
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
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.lake.state_version import Writer, verify_state_version, verify_writer
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import find_table, missing_columns, retry_delta
from spark_jobs.store.failures import cause
from spark_jobs.store.line_table import NO_CLEANING, WRITER
from spark_jobs.store.table_features import feature_failure

# Rows of pairs rewritten at a time, which takes 2 GB of memory.
_ROWS_AT_A_TIME = 5_000_000


@dataclass(frozen=True)
class Rewrite:
    """The result of a rewrite: the rows through a line, before and after."""

    through_line: int
    rows_before: int
    rows_after: int


@dataclass(frozen=True)
class MerchantRange:
    """The merchants from one name to another, both inclusive."""

    first: str
    last: str

    @property
    def rows(self) -> pc.Expression:
        """The filter of their rows, for reading."""
        return (pc.field("merchant") >= self.first) & (pc.field("merchant") <= self.last)

    @property
    def predicate(self) -> str:
        """The SQL predicate of their rows, for replacing."""
        first, last = (name.replace("'", "''") for name in (self.first, self.last))
        return f"merchant >= '{first}' AND merchant <= '{last}'"


def compact_pairs(url: str, rows_at_a_time: int = _ROWS_AT_A_TIME) -> Rewrite | None:
    """Rewrite the table at `url` with one row per pair, sorted by merchant; return None if there is no state yet.

    The rows are the state as of the committed line; rows that the detector appends meanwhile have greater lines and
    stay. Each commit rewrites a range of merchants with about `rows_at_a_time` rows, so that memory does not grow with
    the state. After a crash each range is either rewritten or unchanged.

    Raises:
        StorageError: the store failed, or a compaction of the detector interfered each time.
    """
    done = []
    counts = retry_delta(url, lambda: _rows_per_merchant(url))
    for merchants in merchant_ranges(counts, rows_at_a_time) if counts is not None else ():
        rewrite = _rewrite(url, PAIRS_SCHEMA, _one_row_per_pair, merchants=merchants)
        if rewrite is None:
            return None
        done.append(rewrite)
    if not done:
        return None
    through = min(rewrite.through_line for rewrite in done)
    return Rewrite(through, sum(r.rows_before for r in done), sum(r.rows_after for r in done))


def merchant_ranges(counts: Counter[str], rows_at_a_time: int) -> list[MerchantRange | None]:
    """Split merchants into ranges of about `rows_at_a_time` rows; [None] if there are not that many rows."""
    if counts.total() <= rows_at_a_time:
        return [None]
    ranges: list[MerchantRange | None] = []
    names: list[str] = []
    rows = 0
    for name in sorted(counts):
        if names and rows + counts[name] > rows_at_a_time:
            ranges.append(MerchantRange(names[0], names[-1]))
            names, rows = [], 0
        names.append(name)
        rows += counts[name]
    return [*ranges, MerchantRange(names[0], names[-1])]


def _rows_per_merchant(url: str) -> Counter[str] | None:
    table = find_table(url)
    if table is None:
        return None
    verify_state_version(table, url)
    counts: Counter[str] = Counter()
    for batch in table.to_pyarrow_dataset().scanner(columns=["merchant"]).to_batches():
        counts.update({entry["values"]: entry["counts"] for entry in batch.column(0).value_counts().to_pylist()})
    return counts


def compact_merchant_history(url: str, below_line: int) -> Rewrite | None:
    """Keep only the newest row of each merchant below a line; raises the errors of `compact_pairs`.

    The detector appends a row per merchant and chunk: this history is kept as long as the chunks.
    """
    return _rewrite(url, MERCHANTS_SCHEMA, _newest_per_merchant, through=below_line - 1)


def _one_row_per_pair(rows: pa.Table, line: int) -> pa.Table:
    return all_pair_rows(restore_state(rows), line).sort_by([("merchant", "ascending"), ("customer", "ascending")])


def _newest_per_merchant(rows: pa.Table, line: int) -> pa.Table:  # noqa: ARG001 - same signature as for pairs
    newest = rows.group_by("merchant").aggregate([(LINE, "max")])
    return rows.join(newest, keys=["merchant", LINE], right_keys=["merchant", f"{LINE}_max"], join_type="inner")


def _rewrite(
    url: str,
    schema: pa.Schema,
    rewritten: Callable[[pa.Table, int], pa.Table],
    *,
    through: int | None = None,
    merchants: MerchantRange | None = None,
) -> Rewrite | None:
    """Replace the rows through a line (by default the committed line), of all or some merchants."""

    def rewrite() -> Rewrite | None:
        table = find_table(url)
        if table:
            verify_state_version(table, url)
            verify_writer(table, url, Writer.DELTALAKE)
        committed_line = table.transaction_version(APPLICATION) if table else None
        # A table of an earlier release is left to the detector's next start, which adds the columns.
        if table is None or committed_line is None or missing_columns(table, schema):
            return None
        line = committed_line if through is None else through
        which = pc.field(LINE) <= line
        if merchants:
            which &= merchants.rows
        before = table.to_pyarrow_dataset().to_table(filter=which).select(schema.names).cast(schema)
        after = rewritten(before, line).select(schema.names)
        if after.num_rows < before.num_rows:
            _replace_through(table, line, after, merchants)
        return Rewrite(line, before.num_rows, after.num_rows)

    # Safe to repeat: if a commit took effect and its response was lost, there is nothing left to do.
    return retry_delta(url, rewrite)


def vacuum(url: str) -> int:
    """Delete files unreferenced for a day, including those of killed writers, and older log entries.

    Returns:
        The number of deleted files.

    Raises:
        StorageError: the store failed each time; run again.
    """

    def delete() -> int:
        table = find_table(url)
        if table is None:
            return 0
        # The retention period is a table property.
        deleted = table.vacuum(dry_run=False, full=True, post_commithook_properties=NO_CLEANING)
        # Log entries may be deleted only if a checkpoint replaces them.
        table.create_checkpoint()
        table.cleanup_metadata()
        return len(deleted)

    return retry_delta(url, delete)


def _replace_through(table: DeltaTable, line: int, rows: pa.Table, merchants: MerchantRange | None) -> None:
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
        if failure := feature_failure(table.table_uri.rstrip("/"), error):
            raise failure from error
        # The detector compacts every 50 batches, so a retry rarely meets it again.
        msg = f"{table.table_uri}: the detector compacted it meanwhile; nothing was changed, run again"
        raise StorageError(msg) from cause(error)
