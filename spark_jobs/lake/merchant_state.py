"""The state of one merchant, read from a lake's tables without writing to them."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake import layout
from spark_jobs.lake.rules import RecordedAdoption, recorded_adoptions
from spark_jobs.lake.state_tables import open_state
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA
from spark_jobs.store.delta import with_columns
from spark_jobs.store.line_table import LineTable
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class MerchantState:
    """What the tables have of one merchant.

    Attributes:
        line: the committed line.
        pairs: rows of `state/pairs`; none if the merchant is unknown.
        detections: rows of `state/detections`.
        adoption: of the rules in force; None for version 0.
    """

    line: int
    pairs: pa.Table
    detections: pa.Table
    adoption: RecordedAdoption | None


def read_merchant(lake: Objects, merchant: str) -> MerchantState:
    """Read the state of a merchant as of the committed line.

    Raises:
        StateError: the tables are not of this release's state version.
        StorageError: the store failed.
    """
    pairs, detections = (open_state(lake, name) for name in (layout.PAIRS, layout.DETECTIONS))
    line = (pairs.line if pairs else None) or 0
    adoptions = recorded_adoptions(pairs.mark, line) if pairs else []
    return MerchantState(
        line,
        _rows(pairs, PAIRS_SCHEMA, (pc.field("merchant") == merchant) & (pc.field(LINE) <= line)),
        _rows(detections, DETECTIONS_SCHEMA, pc.field("MerchantId") == merchant),
        next((one for one in reversed(adoptions) if one.from_line <= line), None),
    )


def _rows(table: LineTable | None, schema: pa.Schema, which: pc.Expression) -> pa.Table:
    return with_columns(table.read(rows=which), schema) if table else schema.empty_table()
