"""Detections, shadow findings and merchants from the state's tables; later reads read appended rows only."""

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from pattern_page.detection_table import Detections
from pattern_page.growing_table import GrowingTable
from pattern_page.merchants import latest_rows, with_detections
from pattern_page.snapshots import TablesSnapshot
from spark_jobs.errors import PipelineError, StateError
from spark_jobs.lake import layout
from spark_jobs.lake.merchant_state import MerchantState, read_merchant
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, SHADOW_SCHEMA
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import with_columns
from spark_jobs.store.error_codes import ENVIRONMENT, Access
from spark_jobs.store.failures import translate_errors
from spark_jobs.store.objects import Objects

# Bytes of files that one read opens. All detections read are kept, but only one row per merchant.
DETECTIONS_BYTES = 32 << 20
MERCHANTS_BYTES = 128 << 20
SHADOW_BYTES = 32 << 20
# Rows of the searched merchant that are held at once.
EXPLAINED_ROWS = 1_000_000
# Rows of merchants that are held until the latest of each is chosen.
_ROWS_HELD = 1_000_000


class StateReader:
    """Reads one lake's state repeatedly, and keeps its rows.

    Args:
        lake: the lake's URL.
        options: returns the storage options for `deltalake`, with credentials that are valid now.
        access: where they come from.
    """

    def __init__(self, lake: str, options: Callable[[], Mapping[str, str]], access: Access = ENVIRONMENT) -> None:
        self._lake = lake
        self._options = options
        self._access = access
        self._opened_with: Mapping[str, str] | None = None
        self._detections_table: GrowingTable
        self._merchants_table: GrowingTable
        self._shadow_table: GrowingTable
        self._detections = Detections()
        self._merchants: pa.Table = MERCHANTS_SCHEMA.empty_table()
        self._merchants_capped = False
        self._snapshot = TablesSnapshot()

    def read(self) -> TablesSnapshot:
        """Return detections, shadow findings and merchants; the same object if nothing was appended.

        Raises:
            StorageError, StorageRefusedError: they cannot be read; the next call reads everything again.
        """
        try:
            self._open()
            detections = self._detections_table.read_above("seq", len(self._detections) - 1)
            if detections is not None:
                self._add_detections(detections)
            last_line = pc.max(self._merchants["line"]).as_py()
            merchants = self._merchants_table.read_above("line", -1 if last_line is None else last_line)
            if merchants is not None:
                self._add_merchants(merchants)
            shadow = self._shadow_table.read_above("line", self._snapshot.shadow.line)
            found = self._snapshot.shadow
            if shadow is not None:
                rows = (with_columns(batch, SHADOW_SCHEMA) for batch in shadow)
                found = found.with_rows(rows, capped=found.capped or self._shadow_table.capped)
        except StateError as error:
            return TablesSnapshot(refused=str(error))
        except PipelineError:
            # The tables may have been recreated.
            self._opened_with, self._snapshot, self._merchants_capped = None, TablesSnapshot(), False
            self._detections, self._merchants = Detections(), MERCHANTS_SCHEMA.empty_table()
            raise
        if detections is None and merchants is None and shadow is None:
            return self._snapshot
        tables = (self._detections_table, self._merchants_table, self._shadow_table)
        version = "/".join(table.version for table in tables)
        counted = with_detections(self._merchants, self._detections.rows)
        self._snapshot = TablesSnapshot(
            version, self._detections, counted, merchants_capped=self._merchants_capped, shadow=found
        )
        return self._snapshot

    def history(self, merchant: str) -> tuple[pa.Table, bool]:
        """Return the rows of one merchant, and whether older ones were left out; the time grows with the table."""
        table = self._table(layout.MERCHANTS, self._options(), MERCHANTS_BYTES)
        found = [with_columns(rows, MERCHANTS_SCHEMA) for rows in table.read_equal("merchant", merchant, "line")]
        return pa.concat_tables([MERCHANTS_SCHEMA.empty_table(), *found]), table.capped

    def merchant_state(self, lake: Objects, merchant: str) -> MerchantState:
        """Return the state of one merchant.

        Raises:
            MerchantTooLargeError: it has too many rows to be held in memory.
            StateError, RulesError, StorageError, StorageRefusedError: it cannot be read.
        """
        with translate_errors(self._url(layout.PAIRS), access=self._access):
            return read_merchant(lake, self._find_pairs(), merchant, EXPLAINED_ROWS)

    def marks(self) -> Callable[[str], int | None]:
        """Return a reader of the marks of `state/pairs` as of its newest version."""
        with translate_errors(self._url(layout.PAIRS), access=self._access):
            table = self._find_pairs()
        return table.transaction_version if table else lambda _: None

    def _find_pairs(self) -> DeltaTable | None:
        try:
            return DeltaTable(self._url(layout.PAIRS), storage_options=dict(self._options()))
        except TableNotFoundError:
            return None

    def _add_detections(self, batches: Iterator[pa.Table]) -> None:
        if rows := list(batches):
            self._detections = self._detections.with_rows(with_columns(pa.concat_tables(rows), DETECTIONS_SCHEMA))

    def _add_merchants(self, batches: Iterator[pa.Table]) -> None:
        held = [self._merchants]
        for rows in batches:
            held.append(with_columns(rows, MERCHANTS_SCHEMA))
            if sum(table.num_rows for table in held[1:]) > _ROWS_HELD:
                held = [latest_rows(*held)]
        self._merchants = latest_rows(*held)
        self._merchants_capped = self._merchants_capped or self._merchants_table.capped

    def _open(self) -> None:
        """Open both tables, again if the credentials changed; rows are kept."""
        options = self._options()
        if options != self._opened_with:
            self._detections_table = self._table(layout.DETECTIONS, options, DETECTIONS_BYTES)
            self._merchants_table = self._table(layout.MERCHANTS, options, MERCHANTS_BYTES)
            self._shadow_table = self._table(layout.SHADOW, options, SHADOW_BYTES)
            self._opened_with = options

    def _table(self, name: str, options: Mapping[str, str], read_bytes: int) -> GrowingTable:
        return GrowingTable(self._url(name), options, read_bytes, self._access)

    def _url(self, name: str) -> str:
        return f"{self._lake}/{name}"
