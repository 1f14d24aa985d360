"""Maintenance loses and duplicates nothing while detector and chunker run."""

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.lake.layout import LANDING_ZONE, MERCHANTS, PAIRS, QUARANTINE, chunk_path, quarantine_path
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.maintenance import cli
from spark_jobs.maintenance import compaction as maintenance
from spark_jobs.maintenance.compaction import compact_pairs, vacuum
from spark_jobs.patterns.detect import Detector
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.lake.test_state_tables import chunk_of, new_detector

YEARS_ON = datetime(2050, 1, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


class RunningDetector:
    """A detector that commits one chunk after another."""

    def __init__(self, lake: Objects) -> None:
        self.tables = StateTables(lake)
        self.detector: Detector = new_detector(self.tables)
        self.line = 0

    def commit(self) -> None:
        # Half of the customers are those of the previous chunk.
        chunk = chunk_of(max(0, self.line - 5), 10, end=self.line + 10)
        self.line += 10
        self.tables.commit(self.detector.advance(chunk), {})

    def compact(self) -> None:
        for table in (self.tables._pairs, self.tables._merchants, self.tables._detections):
            table.compact()

    def overwrite(self) -> None:
        self.tables._pairs.overwrite(all_pair_rows(self.detector.state, self.line), self.line)


def rows_of(lake: Objects, name: str) -> list[str]:
    table = open_table(lake.place(name), "detector")
    assert table
    return sorted(map(str, table.handle.to_pyarrow_table().to_pylist()))


def assert_nothing_is_lost_or_duplicated(lake: Objects, running: RunningDetector) -> None:
    tables = StateTables(lake)
    loaded = tables.load()
    assert loaded.committed_line == running.line
    assert set(map(str, all_pair_rows(loaded.pairs, 0).to_pylist())) == set(
        map(str, all_pair_rows(running.detector.state, 0).to_pylist())
    )
    assert [detection.seq for detection in tables.detections_from(0)] == list(range(len(running.detector.state)))
    merchants = rows_of(lake, MERCHANTS)
    assert len(merchants) == len(set(merchants)) == running.line // 10


def test_one_row_per_pair_remains_sorted_by_merchant(lake: Objects) -> None:
    running = RunningDetector(lake)
    for _ in range(3):
        running.commit()
    compaction = compact_pairs(lake.place(PAIRS))
    assert compaction == maintenance.Rewrite(through_line=30, rows_before=30, rows_after=25)
    table = open_table(lake.place(PAIRS), "detector")
    assert table
    rows = table.handle.to_pyarrow_table().select(PAIRS_SCHEMA.names)
    assert rows.column("customer").to_pylist() == sorted(rows.column("customer").to_pylist())
    assert_nothing_is_lost_or_duplicated(lake, running)
    assert compact_pairs(lake.place(PAIRS)) == maintenance.Rewrite(30, rows_before=25, rows_after=25)


def test_pairs_are_compacted_in_ranges_of_merchants(lake: Objects) -> None:
    tables = StateTables(lake)
    detector = new_detector(tables)
    names = ["M1", "M2's", "M3", "M4"]
    for end in (10, 20, 30):
        chunks = [chunk_of(0, 5, end=end)[0].rows.set_column(0, "merchant", pa.array([name] * 5)) for name in names]
        tables.commit(detector.advance([ChunkSums(end, pa.concat_tables(chunks))]), {})
    expected = sorted(map(str, all_pair_rows(detector.state, 30).to_pylist()))
    assert compact_pairs(lake.place(PAIRS), rows_at_a_time=20) == maintenance.Rewrite(30, rows_before=60, rows_after=20)
    assert sorted(map(str, all_pair_rows(StateTables(lake).load().pairs, 30).to_pylist())) == expected
    assert len(tables._pairs.handle.file_uris()) == 3, "the detector's own view, as of its last commit"
    # The detector continues.
    tables.commit(detector.advance(chunk_of(0, 5, end=40)), {})
    assert StateTables(lake).load().committed_line == 40


@pytest.mark.parametrize("first", ["commit", "compact", "overwrite"])
@pytest.mark.parametrize("then", ["commit", "compact", "overwrite"])
def test_a_detector_commits_during_and_after_a_compaction(
    lake: Objects, monkeypatch: pytest.MonkeyPatch, first: str, then: str
) -> None:
    running = RunningDetector(lake)
    for _ in range(4):
        running.commit()
    in_the_middle: list[Callable[[], None]] = [getattr(running, first)]
    replace = maintenance._replace_through

    def interrupted(*arguments: object) -> None:
        if in_the_middle:
            in_the_middle.pop()()
        replace(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(maintenance, "_replace_through", interrupted)
    compact_pairs(lake.place(PAIRS))
    getattr(running, then)()
    running.commit()
    assert_nothing_is_lost_or_duplicated(lake, running)


def test_simultaneous_compactions_duplicate_nothing(lake: Objects) -> None:
    running = RunningDetector(lake)
    for _ in range(4):
        running.commit()
    twins = [open_table(lake.place(MERCHANTS), "detector") for _ in range(2)]
    for twin in twins:
        assert twin
        twin.compact()
    running.commit()
    assert_nothing_is_lost_or_duplicated(lake, running)


def test_a_detector_survives_the_cleaning_of_its_log_version(lake: Objects, tmp_path: Path) -> None:
    running = RunningDetector(lake)
    for _ in range(3):
        running.commit()
    compact_pairs(lake.place(PAIRS))
    log = tmp_path / PAIRS / "_delta_log"
    for entry in log.iterdir():
        os.utime(entry, (time.time() - 3 * 86_400,) * 2)
    vacuum(lake.place(PAIRS))
    assert len(list(log.glob("*.json"))) < 4
    running.commit()
    assert_nothing_is_lost_or_duplicated(lake, running)


def test_vacuum_keeps_recent_files_and_deletes_orphans(lake: Objects, tmp_path: Path) -> None:
    running = RunningDetector(lake)
    running.commit()
    running.commit()
    compact_pairs(lake.place(PAIRS))
    files = set((tmp_path / PAIRS).glob("*.parquet"))
    orphan = tmp_path / PAIRS / "part-orphan.snappy.parquet"
    orphan.write_bytes(b"never committed")
    os.utime(orphan, (time.time() - 3 * 86_400,) * 2)
    assert vacuum(lake.place(PAIRS)) == 1
    assert set((tmp_path / PAIRS).glob("*.parquet")) == files


def run_maintenance(lake: Objects, landing_format: str, now: datetime) -> cli.MaintenanceSummary:
    log = logging.getLogger("maintain_state")
    return cli.run(lake, landing_format, now - timedelta(days=7), now - timedelta(days=90), log)


@pytest.mark.parametrize("landing_format", ["csv", "delta"])
def test_only_old_committed_chunks_expire(lake: Objects, landing_format: str) -> None:
    landing = open_landing(landing_format, lake)
    for first in range(0, 50, 10):
        landing.create(first, pd.DataFrame({"line": range(first, first + 10), "customer": "C1"}))
    running = RunningDetector(lake)
    for _ in range(3):
        running.commit()
    assert run_maintenance(lake, landing_format, datetime.now(UTC) + timedelta(days=6)).chunks_expired == 0
    assert run_maintenance(lake, landing_format, YEARS_ON).chunks_expired == 3
    assert open_landing(landing_format, lake).first_lines(0, 10) == [30, 40]
    assert run_maintenance(lake, landing_format, YEARS_ON).chunks_expired == 0


def test_the_newest_row_of_each_merchant_survives_expiry(lake: Objects) -> None:
    for first in range(0, 50, 10):
        lake.create(chunk_path(first), b"line\n0\n")
    running = RunningDetector(lake)
    for _ in range(4):
        running.commit()
    assert run_maintenance(lake, "csv", datetime.now(UTC)).merchant_rows_deleted == 0
    assert run_maintenance(lake, "csv", YEARS_ON).merchant_rows_deleted == 3
    running.commit()
    merchants = open_table(lake.place(MERCHANTS), "detector")
    assert merchants
    assert sorted(merchants.handle.to_pyarrow_table().column("line").to_pylist()) == [40, 50]


def test_a_chunker_lands_while_old_chunks_expire(lake: Objects) -> None:
    landing = DeltaLanding(lake.place(LANDING_ZONE))
    for first in (0, 10):
        landing.create(first, pd.DataFrame({"line": range(first, first + 10), "customer": "C1"}))
    chunker = open_table(lake.place(LANDING_ZONE), "chunker")
    assert chunker
    assert landing.expire(10, YEARS_ON) == 1
    rows = chunker.handle.to_pyarrow_table().slice(0, 0)
    chunker.append(rows, 20)
    assert chunker.line == 20


def test_quarantine_of_committed_lines_expires_with_them(lake: Objects) -> None:
    for first in (0, 10, 20):
        lake.create(chunk_path(first), b"line\n0\n")
        lake.create(quarantine_path(first), b"line,reason,raw\n")
    running = RunningDetector(lake)
    running.commit()
    running.commit()
    summary = run_maintenance(lake, "csv", YEARS_ON)
    assert (summary.quarantine_files_expired, summary.chunks_expired) == (2, 2)
    assert list(lake.list_after(QUARANTINE, "")) == [quarantine_path(20)]


def test_reports_expire_later_than_chunks(lake: Objects) -> None:
    names = [f"what_if/r1/{name}" for name in ("differences.parquet", "report.json", "request.json")]
    for name in names:
        lake.create(name, b"{}")
    assert run_maintenance(lake, "csv", datetime.now(UTC) + timedelta(days=89)).report_files_expired == 0
    assert run_maintenance(lake, "csv", datetime.now(UTC) + timedelta(days=91)).report_files_expired == 3
    assert list(lake.list_after("what_if", "")) == []


def test_an_empty_lake_stays_empty(lake: Objects, tmp_path: Path) -> None:
    summary = run_maintenance(lake, "csv", YEARS_ON)
    assert (summary.committed_line, summary.pair_rows_after, summary.chunks_expired) == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_with_its_summary(lake: Objects, capsys: pytest.CaptureFixture[str]) -> None:
    running = RunningDetector(lake)
    running.commit()
    assert cli.main(["--lake", lake.url]) == 0
    assert json.loads(capsys.readouterr().out)["committed_line"] == 10
