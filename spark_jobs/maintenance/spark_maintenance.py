"""Maintenance of a state that Spark writes, safe beside its detector; the work is done by the cluster.

The detector keeps few superseded rows of the merchants that it touches. Here all others are rewritten, with one row per
pair and sorted by merchant, so that a micro-batch reads its merchants and little else.
"""

from collections import Counter
from dataclasses import dataclass
from logging import Logger

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, count_distinct, max_by, struct

from spark_jobs.columns import LINE
from spark_jobs.engine.spark_table import CommitConflictError, SparkTable, between_predicate, translated
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.maintenance.compaction import MerchantRange, Rewrite, merchant_ranges
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.failures import retry
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import Objects

# Rows of pairs rewritten in one commit, which the detector's next rewrite of the same files would refuse.
_ROWS_AT_A_TIME = 50_000_000
_ROWS_PER_FILE = 2_000_000


@dataclass(frozen=True)
class SparkMaintenance:
    """The maintenance of a lake's state."""

    spark: SparkSession
    lake: Objects
    log: Logger
    rows_at_a_time: int = _ROWS_AT_A_TIME

    def compact_pairs(self) -> Rewrite | None:
        """Rewrite the pairs with superseded rows, and merge small files; return None if there is no state yet.

        Each commit rewrites a range of merchants. One that the detector keeps rewriting is left to it.

        Raises:
            StorageError: the store or Spark failed; what is committed stays.
        """
        line = self._committed_line(layout.PAIRS)
        if line is None:
            return None
        table = SparkTable(self.spark, self.lake.place(layout.PAIRS))
        with translated(table.url):
            totals = self._totals(table.rows(f"{LINE} <= {line}"))
        rows = sum(total.rows for total in totals.values())
        superseded = {name: total for name, total in totals.items() if total.rows > total.pairs}
        after = rows
        counts = Counter({name: total.rows for name, total in superseded.items()})
        for merchants in merchant_ranges(counts, self.rows_at_a_time) if superseded else ():
            which = merchants or MerchantRange(min(superseded), max(superseded))
            of_range = [total for name, total in totals.items() if which.first <= name <= which.last]
            pairs = sum(total.pairs for total in of_range)
            predicate = f"{LINE} <= {line} AND {between_predicate(which.first, which.last)}"
            if self._rewrite(table, predicate, ("merchant", "customer"), pairs):
                after -= sum(total.rows for total in of_range) - pairs
        table.optimize()
        return Rewrite(line, rows, after)

    def compact_merchant_history(self, below_line: int) -> Rewrite | None:
        """Keep only the newest row of each merchant below a line; raises the errors of `compact_pairs`."""
        if self._committed_line(layout.MERCHANTS) is None:
            return None
        table = SparkTable(self.spark, self.lake.place(layout.MERCHANTS))
        predicate = f"{LINE} < {below_line}"
        with translated(table.url):
            [(rows, merchants)] = table.rows(predicate).agg(count("*"), count_distinct(col("merchant"))).collect()
        if merchants < rows and self._rewrite(table, predicate, ("merchant",), merchants):
            return Rewrite(below_line - 1, rows, merchants)
        return Rewrite(below_line - 1, rows, rows)

    def vacuum(self, name: str) -> int:
        """Delete files unreferenced for a day; return their number."""
        if self._committed_line(name) is None:
            return 0
        table = SparkTable(self.spark, self.lake.place(name))
        if name != layout.PAIRS:
            table.optimize()
        before = {found.path for found in self.lake.list_objects(name)}
        table.vacuum()
        deleted = before.difference(found.path for found in self.lake.list_objects(name))
        return sum("/_delta_log/" not in path for path in deleted)

    def _rewrite(self, table: SparkTable, predicate: str, key: tuple[str, ...], rows: int) -> bool:
        """Replace the matching rows by the newest of each key; return False if the detector rewrites them itself."""
        schema = PAIRS_SCHEMA if "customer" in key else MERCHANTS_SCHEMA

        def replace() -> None:
            others = struct(*(name for name in schema.names if name not in key))
            newest = table.rows(predicate).groupBy(*key).agg(max_by(others, LINE).alias("newest"))
            wanted = newest.select(*key, "newest.*").select(*schema.names)
            table.replace(_sorted(wanted, rows), predicate)

        try:
            retry(replace, on=CommitConflictError)
        except CommitConflictError:
            self.log.info("rewritten by the detector meanwhile", extra={"fields": {"table": table.url}})
            return False
        return True

    def _totals(self, rows: DataFrame) -> "dict[str, _Totals]":
        counts = rows.groupBy("merchant").agg(count("*"), count_distinct(col("customer")))
        return {name: _Totals(all_rows, pairs) for name, all_rows, pairs in counts.collect()}

    def _committed_line(self, name: str) -> int | None:
        table = open_table(self.lake.place(name), APPLICATION)
        return table.line if table else None


@dataclass(frozen=True)
class _Totals:
    rows: int
    pairs: int


def _sorted(rows: DataFrame, count: int) -> DataFrame:
    """Return rows in files that each have a range of merchants."""
    return rows.repartitionByRange(max(1, count // _ROWS_PER_FILE), "merchant").sortWithinPartitions("merchant")
