"""What a lake's detector has found between two lines, and by which rules; the lake is only read."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.lake import layout
from spark_jobs.lake.rules import RecordedAdoption, recorded_adoptions
from spark_jobs.lake.state_tables import open_state
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, NO_SEQ, SHADOW_SCHEMA, Detection, parse_detection_rows
from spark_jobs.store.delta import with_columns
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class Found:
    """What was found at lines above `from_line`, up to `through_line`.

    Attributes:
        detections: rows of `state/detections`.
        shadow: rows of `state/shadow`.
        adoptions: of the rules in force there, in order of line; none before the first published version.
    """

    detections: list[Detection]
    shadow: list[Detection]
    adoptions: list[RecordedAdoption]


def read_committed_line(lake: Objects) -> int:
    """Return the committed line, 0 before the first commit."""
    pairs = open_state(lake, layout.PAIRS)
    return (pairs.line if pairs else None) or 0


def read_found(lake: Objects, from_line: int, through_line: int) -> Found:
    """Read what was found up to a committed line.

    Raises:
        StateError: the tables are not of this release's state version.
        StorageError: the store failed.
    """
    pairs = open_state(lake, layout.PAIRS)
    between = (pc.field(LINE) > from_line) & (pc.field(LINE) <= through_line)
    adoptions = recorded_adoptions(pairs.mark, from_line) if pairs else []
    shadow = _rows(lake, layout.SHADOW, SHADOW_SCHEMA, between)
    return Found(
        parse_detection_rows(_rows(lake, layout.DETECTIONS, DETECTIONS_SCHEMA, between)),
        parse_detection_rows(shadow.append_column("seq", pa.array([NO_SEQ] * len(shadow), pa.int64()))),
        [one for one in adoptions if one.from_line < through_line],
    )


def _rows(lake: Objects, name: str, schema: pa.Schema, which: pc.Expression) -> pa.Table:
    table = open_state(lake, name)
    return with_columns(table.read(rows=which), schema) if table else schema.empty_table()
