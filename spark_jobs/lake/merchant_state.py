"""The state of one merchant, read from a lake's tables without writing to them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from spark_jobs.errors import MerchantTooLargeError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, restore_state
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.heartbeat import read_heartbeat
from spark_jobs.lake.rules import read_adopted, recorded_adoptions
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.lake.state_version import verify_state_version
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.rules import RuleSet
from spark_jobs.store.delta import with_columns
from spark_jobs.store.objects import Objects

# Rows that are decompressed at once.
_BATCH_ROWS = 65_536
_AHEAD = 2


@dataclass(frozen=True)
class MerchantState:
    """One merchant as of the committed line.

    Attributes:
        line: the committed line.
        pairs: the merchant's pairs; none if it is unknown.
        version: of the rules in force at that line.
        rules: what they say.
    """

    line: int
    pairs: PairState
    version: int
    rules: RuleSet


def read_merchant(lake: Objects, table: DeltaTable | None, merchant: str, most_rows: float = math.inf) -> MerchantState:
    """Read the state of a merchant; raises the errors of `deltalake`, too.

    Args:
        table: the newest version of `state/pairs`; None if there is none.
        most_rows: how many rows may be held in memory; a pair has one, and one more for each micro-batch that touched
            it since the table was last overwritten.

    Raises:
        MerchantTooLargeError: the merchant has more rows.
        StateError: the table is not of this release's state version.
        RulesError: the rules in force are missing, or have changed.
        StorageError: the store failed.
    """
    line = 0
    rows = [PAIRS_SCHEMA.empty_table()]
    if table is not None:
        verify_state_version(table, table.table_uri.rstrip("/"))
        line = table.transaction_version(APPLICATION) or 0
        for batch in _batches(table, merchant):
            rows.append(batch)
            if sum(one.num_rows for one in rows) > most_rows:
                msg = (
                    f"{lake.url}: merchant {merchant!r} has more than {most_rows:,} rows in the state, too many to be"
                    f" read here; run `explain --lake {lake.url} --merchant …`, which has no limit"
                )
                raise MerchantTooLargeError(msg)
    version, rules = _rules_at(lake, table, line)
    return MerchantState(line, restore_state(pa.concat_tables(rows)), version, rules)


def _batches(table: DeltaTable, merchant: str) -> Iterator[pa.Table]:
    """Yield the rows of a merchant, skipping files and row groups without any."""
    scanner = table.to_pyarrow_dataset().scanner(
        filter=pc.field("merchant") == merchant,
        batch_size=_BATCH_ROWS,
        batch_readahead=_AHEAD,
        fragment_readahead=_AHEAD,
    )
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield with_columns(pa.Table.from_batches([batch]), PAIRS_SCHEMA)


def _rules_at(lake: Objects, table: DeltaTable | None, line: int) -> tuple[int, RuleSet]:
    """Return the version in force at the committed line, and its rules."""
    adoptions = recorded_adoptions(table.transaction_version, line) if table is not None else []
    adoption = next((one for one in reversed(adoptions) if one.from_line <= line), None)
    if adoption:
        return adoption.version, read_adopted(lake, adoption).rule_set
    heartbeat = read_heartbeat(lake)
    return 0, built_in_rules(heartbeat.thresholds if heartbeat else {})
