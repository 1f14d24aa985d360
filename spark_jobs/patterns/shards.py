"""The state split into shards: each has some merchants with all their pairs, and is advanced by the same kernel.

Every pattern concerns one merchant, so the sorted detections of all shards are those of a single state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, restore_state
from spark_jobs.patterns.detect import Detector, Outcome, Reported
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.schedule import Rules


@dataclass(frozen=True)
class Shard:
    """The part of a micro-batch for one shard.

    Attributes:
        merchants: the touched merchants of this shard, sorted.
        chunks: all chunks of the micro-batch, with the sums of these merchants.
    """

    merchants: list[str]
    chunks: list[ChunkSums]


def split(chunks: Sequence[ChunkSums], shards: int) -> list[Shard]:
    """Split the merchants of a micro-batch into at most `shards` shards of about equal work.

    Each shard is a range of merchants: the files of the state are sorted by merchant, so its task reads its own range
    only. A merchant with most of the traffic is alone in its shard.
    """
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    entries = sorted(rows.column("merchant").value_counts().to_pylist(), key=lambda entry: entry["values"])
    counts = np.array([entry["counts"] for entry in entries], dtype=np.int64)
    # A merchant belongs to the shard in which the middle of its rows lies.
    middles = np.cumsum(counts) - counts / 2
    parts = (middles * shards / counts.sum()).astype(np.int64).tolist()
    merchants: dict[int, list[str]] = {}
    for part, entry in zip(parts, entries, strict=True):
        merchants.setdefault(part, []).append(entry["values"])
    return [Shard(names, [_part(chunk, names) for chunk in chunks]) for names in merchants.values()]


def advance_shard(
    state: pa.Table, shard: Shard, reported: Reported, rules: Rules, now: Callable[[], datetime]
) -> Outcome:
    """Advance a shard by its chunks; detections are numbered from 0, pairs are sorted by merchant.

    Args:
        state: all rows of `state/pairs` of its merchants, as of the committed line.
        shard: the merchants and chunks.
        reported: what has been reported of any merchant beyond `state`.
        rules: the patterns in force.
        now: the clock.
    """
    beyond = reported.beyond
    if beyond is not None:
        beyond = beyond.filter(pc.is_in(beyond.column("MerchantId"), pa.array(shard.merchants)))
    detector = Detector(restore_state(state), Reported(0, reported.through_line, beyond), rules, now)
    outcome = detector.advance(shard.chunks)
    return replace(outcome, pairs=outcome.pairs.sort_by("merchant"))


def merge(outcomes: Sequence[Outcome], line: int, next_seq: int, now: Callable[[], datetime]) -> Outcome:
    """Merge the outcomes of all shards, given in order; detections are sorted and numbered from `next_seq`.

    Detection times come from the caller's clock, because clocks of executors differ.
    """
    found = sorted((d for outcome in outcomes for d in outcome.detections), key=_order)
    shadow = sorted((d for outcome in outcomes for d in outcome.shadow), key=_order)
    at = now()
    return Outcome(
        line,
        [replace(detection, seq=next_seq + number, detected_at=at) for number, detection in enumerate(found)],
        pa.concat_tables([MERCHANTS_SCHEMA.empty_table(), *(outcome.merchants for outcome in outcomes)]),
        pa.concat_tables([PAIRS_SCHEMA.empty_table(), *(outcome.pairs for outcome in outcomes)]),
        [replace(detection, detected_at=at) for detection in shadow],
    )


def _order(detection: Detection) -> tuple[int, str, str, str]:
    return detection.line, detection.pattern_id, detection.merchant, detection.customer


def _part(chunk: ChunkSums, merchants: list[str]) -> ChunkSums:
    return ChunkSums(chunk.end, chunk.rows.filter(pc.is_in(chunk.rows.column("merchant"), pa.array(merchants))))
