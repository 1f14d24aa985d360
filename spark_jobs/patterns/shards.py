"""The state spread over shards: each has some merchants, all of their pairs, and is advanced by the same kernel.

All patterns are of one merchant, so what shards find, put in order, is what one state would have found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.patterns.detect import Detector, Outcome, Reported, Rules
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA


@dataclass(frozen=True)
class Shard:
    """What one shard of a micro-batch has to do.

    Attributes:
        merchants: those that the micro-batch touches here, in order.
        chunks: all chunks of the micro-batch, with the sums of these merchants.
    """

    merchants: list[str]
    chunks: list[ChunkSums]


def split(chunks: Sequence[ChunkSums], shards: int) -> list[Shard]:
    """Spread the merchants of a micro-batch over at most so many shards that have about as much to do.

    Each shard has merchants that follow one another, because the files of the state are in order of merchant: so its
    task reads only its own part of them. One with most of the traffic is alone in its shard.
    """
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    entries = sorted(rows.column("merchant").value_counts().to_pylist(), key=lambda entry: entry["values"])
    counts = np.array([entry["counts"] for entry in entries], dtype=np.int64)
    # Where the middle of each one's rows lies, of all: in which part of them.
    middles = np.cumsum(counts) - counts / 2
    parts = (middles * shards / counts.sum()).astype(np.int64).tolist()
    merchants: dict[int, list[str]] = {}
    for part, entry in zip(parts, entries, strict=True):
        merchants.setdefault(part, []).append(entry["values"])
    return [Shard(names, [_part(chunk, names) for chunk in chunks]) for names in merchants.values()]


def advance_shard(
    state: pa.Table, shard: Shard, reported: Reported, rules: Rules, now: Callable[[], datetime]
) -> Outcome:
    """Advance the shard's pairs by its chunks, numbering its detections from 0; its pairs are in order of merchant.

    Args:
        state: all rows of `state/pairs` of its merchants, as of the committed line.
        shard: the merchants and chunks.
        reported: what was reported of any merchant and `state` does not know.
        rules: what is looked for.
        now: the clock.
    """
    beyond = reported.beyond
    if beyond is not None:
        beyond = beyond.filter(pc.is_in(beyond.column("MerchantId"), pa.array(shard.merchants)))
    detector = Detector(PairState.restore(state), Reported(0, reported.through_line, beyond), rules, now)
    outcome = detector.advance(shard.chunks)
    return replace(outcome, pairs=outcome.pairs.sort_by("merchant"))


def merge(outcomes: Sequence[Outcome], line: int, next_seq: int, rules: Rules, now: Callable[[], datetime]) -> Outcome:
    """Return what all shards of a micro-batch append, as one: detections in order, numbered from `next_seq`.

    Outcomes in order of shard give pairs in order of merchant. Their times are those of one clock, that of the caller.
    """
    order = {pattern.id: number for number, pattern in enumerate(rules.patterns)}
    found = [detection for outcome in outcomes for detection in outcome.detections]
    found.sort(key=lambda d: (d.line, order[d.pattern_id], d.merchant, d.customer))
    at = now()
    return Outcome(
        line,
        [replace(detection, seq=next_seq + number, detected_at=at) for number, detection in enumerate(found)],
        pa.concat_tables([MERCHANTS_SCHEMA.empty_table(), *(outcome.merchants for outcome in outcomes)]),
        pa.concat_tables([PAIRS_SCHEMA.empty_table(), *(outcome.pairs for outcome in outcomes)]),
    )


def _part(chunk: ChunkSums, merchants: list[str]) -> ChunkSums:
    return ChunkSums(chunk.end, chunk.rows.filter(pc.is_in(chunk.rows.column("merchant"), pa.array(merchants))))
