import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from spark_jobs.detector.backend import BackendStart, DriverBackend
from spark_jobs.detector.batches import WITHOUT_GENDER, BatchContext, BatchProcessor, count_without_gender
from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA, ChunkSums
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.heartbeat import Heartbeat, format_heartbeat, parse_heartbeat
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import open_objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def chunk(end: int, *genders: str) -> ChunkSums:
    """Return the sums of a chunk in which each customer has two transactions."""
    rows = [("M1", f"C{n}", "food", 2, 200, 0, 0, n, gender) for n, gender in enumerate(genders)]
    columns = [dict(zip(SUMS_SCHEMA.names, row, strict=True)) for row in rows]
    return ChunkSums(end, pa.Table.from_pylist(columns, schema=SUMS_SCHEMA))


@pytest.mark.parametrize(
    ("chunks", "count"),
    [
        ([], 5),
        ([chunk(10, "f", "")], 9),
        ([chunk(10, "f", "M")], 0),
        ([chunk(20, "x"), chunk(10, "F")], 2),
        ([chunk(10, "x"), chunk(20)], 7),
    ],
    ids=["no chunk", "unknown", "known", "known before unknown", "then an empty chunk"],
)
def test_transactions_are_counted_since_the_last_chunk_with_a_known_gender(chunks: list[ChunkSums], count: int) -> None:
    assert count_without_gender(5, chunks) == count


def test_the_count_is_in_the_heartbeat_and_survives_a_restart(tmp_path: Path) -> None:
    lake = open_objects(tmp_path.as_uri())
    tables = StateTables(lake)
    rules = Rules(BUILT_IN, every_chunk=False)
    batches = BatchProcessor(
        DriverBackend(tables, tables.load().pairs, BackendStart(Reported(), rules, lambda: NOW)),
        BatchContext(DetectionFiles(lake, 0, tables.detections_from), {}, lambda: None, 0, 0),
        Heartbeat(NOW, NOW, 0, 0),
        threading.Event(),
        logging.getLogger("detector"),
    )
    for end in (10, 20):
        batches.process([chunk(end, "x", "female")])
    batches.process([chunk(30)])
    batches.stop()
    assert batches.progress.transactions_without_gender == 8
    assert parse_heartbeat(format_heartbeat(batches.progress), "") == batches.progress
    assert StateTables(lake).last_metadata(WITHOUT_GENDER) == "8"
