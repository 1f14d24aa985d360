"""Advancing one partition of the state: some merchants with all their pairs, by the same kernel as a whole state.

Every pattern concerns one merchant, so the sorted detections of all partitions are those of a single state.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.columns import LINE
from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA, ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import Weigh
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.detections import Detection, detection_rows, parse_detection_rows, shadow_rows
from spark_jobs.patterns.schedule import Rules

# Rows of the state and sums of chunks side by side, so that one exchange brings both to their merchant's partition. In
# sums, `line` is the end of the chunk; in the state, `category` and `first_line` are null.
PARTITION_SCHEMA = pa.schema([*PAIRS_SCHEMA, SUMS_SCHEMA.field("category"), SUMS_SCHEMA.field("first_line")])

PAIRS, MERCHANTS, DETECTIONS, SHADOW, COUNTS = "pairs", "merchants", "detections", "shadow", "counts"
# Rows of the state that were read, their pairs, those that were touched, and rows by table.
_COUNTS = ("state_rows", "pairs", "pairs_touched", "pairs_written", "merchants", "shadow")
COUNTS_SCHEMA = pa.schema([(name, pa.int64()) for name in _COUNTS])


@dataclass(frozen=True)
class PartitionTask:
    """What all partitions of a micro-batch have in common.

    Attributes:
        line: the end of its last chunk.
        reported: what has been reported of any merchant beyond the state.
        rules: the patterns in force.
        merchants_line, shadow_line: rows up to these lines are in the tables already.
        every_pair: return the rows of all pairs, instead of those of touched pairs.
        started_at: the driver's time, as clocks differ.
    """

    line: int
    reported: Reported
    rules: Rules
    merchants_line: int
    shadow_line: int
    every_pair: bool
    started_at: datetime


def sums_of(chunk: ChunkSums) -> pa.Table:
    """Return the sums of a chunk as rows of a partition."""
    rows = chunk.rows.num_rows
    columns = {name: chunk.rows.column(name) for name in SUMS_SCHEMA.names}
    columns[LINE] = pa.repeat(pa.scalar(chunk.end, pa.int64()), rows)
    values = [columns.get(field.name, pa.nulls(rows, field.type)) for field in PARTITION_SCHEMA]
    return pa.table(values, schema=PARTITION_SCHEMA)


def advance_partition(rows: pa.Table, task: PartitionTask, weigh: Weigh | None) -> Mapping[str, pa.Table]:
    """Advance the merchants of a partition by all chunks of a micro-batch.

    Args:
        rows: `PARTITION_SCHEMA`: all rows of `state/pairs` of its merchants as of the committed line, and their sums.
        task: what all partitions have in common.
        weigh: replaces the weights of sums; None keeps those of the transactions.

    Returns:
        Rows by table: those to append to the state, detections in any order and without `seq`, and `COUNTS_SCHEMA`.
    """
    is_state = pc.is_null(rows.column("first_line"))
    state = rows.filter(is_state).select(PAIRS_SCHEMA.names)
    chunks = list(_chunks(rows.filter(pc.invert(is_state))))
    if not chunks or chunks[-1].end < task.line:
        # All rows of a micro-batch are as of its end.
        chunks.append(ChunkSums(task.line, SUMS_SCHEMA.empty_table()))
    merchants = pc.unique(rows.column("merchant"))
    detector = Detector(
        restore_state(state), _reported_of(task.reported, merchants), task.rules, lambda: task.started_at, weigh
    )
    outcome = detector.advance(chunks)
    pairs = all_pair_rows(detector.state, task.line) if task.every_pair else outcome.pairs
    history = _beyond(outcome.merchants, task.merchants_line)
    shadow = _beyond(shadow_rows(outcome.shadow), task.shadow_line)
    written = (table.num_rows for table in (pairs, history, shadow))
    counts = [[count] for count in (state.num_rows, len(detector.state), outcome.pairs.num_rows, *written)]
    return {
        PAIRS: pairs,
        MERCHANTS: history,
        DETECTIONS: detection_rows(outcome.detections),
        SHADOW: shadow,
        COUNTS: pa.table(counts, schema=COUNTS_SCHEMA),
    }


def number_detections(rows: pa.Table, next_seq: int, now: Callable[[], datetime]) -> list[Detection]:
    """Return the detections of all partitions in order, numbered from `next_seq`."""
    found = sorted(parse_detection_rows(rows), key=lambda d: (d.line, d.pattern_id, d.merchant, d.customer))
    at = now()
    return [replace(detection, seq=next_seq + number, detected_at=at) for number, detection in enumerate(found)]


def _chunks(sums: pa.Table) -> Iterator[ChunkSums]:
    """Yield the sums of each chunk, in order of line."""
    # Also puts the rows of a chunk into the order of the file, whatever the order in which they arrived.
    ordered = sums.sort_by([(LINE, "ascending"), ("first_line", "ascending")])
    ends = pc.run_end_encode(ordered.column(LINE).combine_chunks())
    start = 0
    for end, stop in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
        yield ChunkSums(end, ordered.slice(start, stop - start).select(SUMS_SCHEMA.names))
        start = stop


def _reported_of(reported: Reported, merchants: pa.Array) -> Reported:
    beyond = reported.beyond
    if beyond is not None:
        beyond = beyond.filter(pc.is_in(beyond.column("MerchantId"), merchants))
    return Reported(0, reported.through_line, beyond)


def _beyond(rows: pa.Table, line: int) -> pa.Table:
    return rows.filter(pc.field(LINE) > line)
