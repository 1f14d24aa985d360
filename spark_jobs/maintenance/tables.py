"""Maintenance of the Delta tables, safe while the detector and the chunker write to them.

Every commit here replaces rows of lines at or below the committed line, which nobody else writes. Where one of the
others rewrites the same files meanwhile, one of the two commits is refused and made again on top of the other.
"""

from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from spark_jobs.core.errors import StorageError
from spark_jobs.core.pair_state import PAIRS_SCHEMA, PairState
from spark_jobs.core.transactions import LINE
from spark_jobs.storage.state_tables import APPLICATION
from spark_jobs.storage.tables import NO_CLEANING, storage_error, storage_options

# The detector compacts every 50 batches; a commit of it can fall into ours, hardly five times in a row.
_TRIES = 5
_SORT_ORDER = ["merchant", "customer"]


@dataclass(frozen=True)
class Compaction:
    """What became of `state/pairs`: rows before and after, and up to which line."""

    committed_line: int
    rows_before: int
    rows_after: int


def compact_pairs(url: str) -> Compaction | None:
    """Leave one row a pair in the table at `url`, in order of merchant; None where there is no state yet.

    The rows stand for the state as of the committed line; what the detector appends meanwhile has greater lines and
    stays. A crash leaves the table as it was before or after.

    Raises:
        StorageError: the store failed, or the detector's own compactions came in between each time.
    """
    for _ in range(_TRIES):
        try:
            table = _open(url)
            line = table.transaction_version(APPLICATION) if table else None
            if table is None or line is None:
                return None
            rows = table.to_pyarrow_table().select(PAIRS_SCHEMA.names).cast(PAIRS_SCHEMA)
            compacted = PairState.restore(rows).all_rows(line).sort_by([(name, "ascending") for name in _SORT_ORDER])
            if compacted.num_rows < rows.num_rows:
                _replace_through(table, line, compacted)
        except CommitFailedError:
            continue
        except (DeltaError, OSError) as error:
            raise storage_error(url, error) from error
        return Compaction(line, rows.num_rows, compacted.num_rows)
    msg = f"{url}: the detector rewrote the table in each of {_TRIES} tries; nothing was changed, run again"
    raise StorageError(msg)


def vacuum(url: str) -> int:
    """Delete files that no version of the last day refers to, and log entries older than that; return how many files.

    Files that a killed writer left out of the log are among them.

    Raises:
        StorageError: the store failed; run again.
    """
    try:
        table = _open(url)
        if table is None:
            return 0
        # As old as the table's own settings say, and never less.
        deleted = table.vacuum(dry_run=False, full=True, post_commithook_properties=NO_CLEANING)
        # Entries may go only where a checkpoint stands for them.
        table.create_checkpoint()
        table.cleanup_metadata()
        return len(deleted)
    except (DeltaError, OSError) as error:
        raise storage_error(url, error) from error


def _replace_through(table: DeltaTable, line: int, rows: pa.Table) -> None:
    write_deltalake(
        table,
        rows,
        mode="overwrite",
        predicate=f"{LINE} <= {line}",
        post_commithook_properties=NO_CLEANING,
    )


def _open(url: str) -> DeltaTable | None:
    try:
        return DeltaTable(url, storage_options=storage_options())
    except TableNotFoundError:
        return None
