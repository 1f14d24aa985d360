"""Detections, and their rows in `state/detections`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

DETECTIONS_SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("line", pa.int64()),
        ("YStartTime", pa.timestamp("us", tz="UTC")),
        ("detectionTime", pa.timestamp("us", tz="UTC")),
        ("patternId", pa.string()),
        ("ActionType", pa.string()),
        ("customerName", pa.string()),
        ("MerchantId", pa.string()),
        ("evidence", pa.map_(pa.string(), pa.float64())),
        ("thresholds", pa.map_(pa.string(), pa.float64())),
    ]
)

# The columns that identify what has been reported.
REPORTED_COLUMNS = ("patternId", "MerchantId", "customerName")


@dataclass(frozen=True)
class Detection:
    """One row of `state/detections`.

    Attributes:
        seq: gapless number from 0.
        line: end of the chunk after which the pattern held.
        started_at: when the detector started the micro-batch.
        detected_at: when the pattern was evaluated.
        evidence, thresholds: the compared values and their thresholds, by the same names.
    """

    seq: int
    line: int
    started_at: datetime
    detected_at: datetime
    pattern_id: str
    action: str
    customer: str
    merchant: str
    evidence: Mapping[str, float]
    thresholds: Mapping[str, float]

    @property
    def key(self) -> tuple[str, str, str]:
        """The key under which a detection is reported once."""
        return (self.pattern_id, self.merchant, self.customer)


def detection_rows(detections: Sequence[Detection]) -> pa.Table:
    """Return detections as rows of `state/detections`."""
    columns: list[list[Any]] = [
        [d.seq for d in detections],
        [d.line for d in detections],
        [d.started_at for d in detections],
        [d.detected_at for d in detections],
        [d.pattern_id for d in detections],
        [d.action for d in detections],
        [d.customer for d in detections],
        [d.merchant for d in detections],
        [list(d.evidence.items()) for d in detections],
        [list(d.thresholds.items()) for d in detections],
    ]
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, DETECTIONS_SCHEMA, strict=True)],
        schema=DETECTIONS_SCHEMA,
    )


def parse_detection_rows(rows: pa.Table) -> list[Detection]:
    """Parse what `detection_rows` returns, in order of `seq`."""
    ordered = rows.select(DETECTIONS_SCHEMA.names).sort_by("seq").to_pylist()
    for row in ordered:
        # Maps are lists of pairs; pyarrow 19, that of Databricks Runtime 17.3, cannot return them otherwise.
        row.update({name: dict(row[name]) for name in ("evidence", "thresholds")})
    return [Detection(*row.values()) for row in ordered]
