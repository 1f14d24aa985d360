"""`what_if/<report>/differences.parquet`: every difference that a what-if has found, created once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.lake.layout import WHAT_IF
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, Detection

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

DIFFERENCES_SCHEMA = pa.schema(
    [
        ("report", pa.string()),
        ("difference", pa.string()),
        ("recorded_as", pa.string()),
        *(DETECTIONS_SCHEMA.field(name) for name in ("patternId", "ActionType", "MerchantId", "customerName")),
        ("line", pa.int64()),
        ("line_before", pa.int64()),
        ("held_before", pa.bool_()),
        *(DETECTIONS_SCHEMA.field(name) for name in ("evidence", "thresholds")),
        ("evidence_before", DETECTIONS_SCHEMA.field("evidence").type),
        ("thresholds_before", DETECTIONS_SCHEMA.field("thresholds").type),
        ("rules_version_before", pa.int64()),
    ]
)


@dataclass(frozen=True)
class DifferenceRow:
    """One row, see the columns in the reference: what was found (`before`), and what the other rules find (`after`)."""

    difference: str
    recorded_as: str
    before: Detection | None
    after: Detection | None
    held_before: bool


def differences_path(report: str) -> str:
    """Return the path of a report's differences."""
    return f"{WHAT_IF}/{report}/differences.parquet"


def create_differences(lake: "Objects", report: str, rows: Sequence[DifferenceRow]) -> None:
    """Create the differences of a report; those that exist are the same."""
    sink = pa.BufferOutputStream()
    pq.write_table(difference_table(report, rows), sink, compression="zstd")
    lake.create(differences_path(report), sink.getvalue().to_pybytes())


def difference_table(report: str, rows: Sequence[DifferenceRow]) -> pa.Table:
    """Return differences as a table of `DIFFERENCES_SCHEMA`."""
    befores, afters = [row.before for row in rows], [row.after for row in rows]
    either = [row.after or row.before for row in rows]
    columns = [
        [report] * len(rows),
        [row.difference for row in rows],
        [row.recorded_as for row in rows],
        *([getattr(one, name) for one in either] for name in ("pattern_id", "action", "merchant", "customer")),
        [after and after.line for after in afters],
        [before and before.line for before in befores],
        [row.held_before for row in rows],
        *_maps(afters),
        *_maps(befores),
        [before and before.rules_version for before in befores],
    ]
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, DIFFERENCES_SCHEMA, strict=True)],
        schema=DIFFERENCES_SCHEMA,
    )


def _maps(detections: Sequence[Detection | None]) -> tuple[list[object], list[object]]:
    """Return evidence and thresholds, null without a detection."""
    return (
        [one and list(one.evidence.items()) for one in detections],
        [one and list(one.thresholds.items()) for one in detections],
    )
