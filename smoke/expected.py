"""The detections of a sample, found in this process with the jobs' own kernel: no Spark, no Databricks, no S3."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from smoke.scratch import Found
from spark_jobs.chunker.land import ChunkerJob
from spark_jobs.chunker.looks import look_once
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.importance import parse_importance, weigher
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import open_object, open_objects


def expected_detections(sample: Path, chunk_size: int, scratch: Path) -> list[Found]:
    """Return what the built-in rules find in a sample, in order; `scratch` is a directory for its chunks."""
    lake = open_objects(scratch.as_uri())
    landing = open_landing("csv", lake)
    source = MasterFile(*open_object((sample / "transactions.csv").as_uri()))
    landed = look_once(ChunkerJob(source, lake, landing, chunk_size, _now), max_chunks=1 << 30)
    importance = parse_importance((sample / "CustomerImportance.csv").read_bytes(), "CustomerImportance.csv")
    detector = Detector(PairState(), Reported(), Rules(BUILT_IN, every_chunk=False), _now, weigher(importance))
    found: list[Found] = []
    for first, end in pairwise([*landing.first_lines(0, landed.chunks), landed.landed_line]):
        chunk = sum_chunk(landing.read(first, end, CHUNK_COLUMNS), end)
        detections = detector.advance([chunk]).detections
        found += [(one.line, one.pattern_id, one.merchant, one.customer) for one in detections]
    return found


def _now() -> datetime:
    return datetime.now(UTC)
