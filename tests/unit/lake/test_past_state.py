"""The past state of a lake is exact, whatever detector and maintenance did to the tables since."""

import os
import random
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from spark_jobs.errors import StateError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows
from spark_jobs.lake.layout import DETECTIONS, MERCHANTS, PAIRS
from spark_jobs.lake.past_state import Neighbours, PastState, read_state_at
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.maintenance.compaction import compact_pairs, vacuum
from spark_jobs.patterns.detections import parse_detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.delta import find_table
from spark_jobs.store.new_table import NewTable, open_or_create_table
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.lake.test_state_tables import VERSION_1, run_chunks
from tests.unit.maintenance.test_compaction import RunningDetector


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


class Remembered:
    """A running detector, and its state at each line."""

    def __init__(self, lake: Objects) -> None:
        self.lake = lake
        self.running = RunningDetector(lake)
        self.pairs: dict[int, list[str]] = {}

    def commit(self) -> None:
        self.running.commit()
        line = self.running.line
        self.pairs[line] = rows(all_pair_rows(self.running.detector.state, line))

    def maintain(self) -> None:
        compact_pairs(self.lake.place(PAIRS))

    def vacuum(self) -> None:
        """Delete all unreferenced files, however recent."""
        for name in (PAIRS, MERCHANTS, DETECTIONS):
            table = DeltaTable(self.lake.place(name))
            table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)

    def kept(self) -> list[int]:
        """Return the lines whose state is kept, and verify their state."""
        lines = []
        for line in self.pairs:
            past = read_state_at(self.lake, line)
            if isinstance(past, PastState):
                assert rows(past.pairs) == self.pairs[line]
                assert set(past.merchants.column("line").to_pylist()) == {at for at in self.pairs if at <= line}
                assert [d.seq for d in parse_detection_rows(past.detections)] == list(range(len(self.pairs[line])))
                lines.append(line)
        return lines

    def assert_the_nearest_are_named(self, kept: list[int]) -> None:
        for line in [*(line for line in self.pairs if line not in kept), *(line + 3 for line in self.pairs), 1]:
            below = max((at for at in kept if at < line), default=None)
            above = min((at for at in kept if at > line), default=None)
            found = read_state_at(self.lake, line)
            assert isinstance(found, Neighbours)
            assert (found.below, found.above) == (below, above), line


def rows(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_the_end_of_each_batch_is_readable_until_its_files_are_deleted(lake: Objects, seed: int) -> None:
    moments, remembered = random.Random(seed), Remembered(lake)
    running = remembered.running
    for _ in range(12):
        remembered.commit()
        moments.choice([lambda: None, lambda: None, running.compact, running.overwrite, remembered.maintain])()
    everything = sorted(remembered.pairs)
    assert remembered.kept() == everything

    remembered.vacuum()
    kept = remembered.kept()
    assert kept == everything[-len(kept) :]
    remembered.assert_the_nearest_are_named(kept)

    for _ in range(5):
        remembered.commit()
        moments.choice([lambda: None, running.compact, running.overwrite, remembered.maintain])()
    later = [line for line in remembered.pairs if line > everything[-1]]
    assert remembered.kept() == [*kept, *later]
    remembered.assert_the_nearest_are_named([*kept, *later])


def test_after_maintenance_the_rewritten_line_and_later_ones_are_readable(lake: Objects) -> None:
    remembered = Remembered(lake)
    for _ in range(5):
        remembered.commit()
    remembered.maintain()
    remembered.vacuum()
    remembered.commit()
    assert remembered.kept() == [50, 60]
    assert read_state_at(lake, 20) == Neighbours(None, 50)
    assert read_state_at(lake, 55) == Neighbours(50, 60)
    assert read_state_at(lake, 70) == Neighbours(60, None)


def test_a_cleaned_log_still_shows_its_remaining_versions(lake: Objects, tmp_path: Path) -> None:
    remembered = Remembered(lake)
    for _ in range(3):
        remembered.commit()
    remembered.maintain()
    for entry in (tmp_path / PAIRS / "_delta_log").iterdir():
        os.utime(entry, (time.time() - 3 * 86_400,) * 2)
    vacuum(lake.place(PAIRS))
    # An idle detector has to restart, see the tests of maintenance.
    remembered.running.tables = StateTables(lake)
    remembered.commit()
    assert not (tmp_path / PAIRS / "_delta_log" / f"{0:020d}.json").exists()
    assert remembered.kept() == [30, 40]
    assert read_state_at(lake, 10) == Neighbours(None, 30)


def test_a_lake_without_state_has_no_past_state(lake: Objects) -> None:
    assert read_state_at(lake, 10) == Neighbours(None, None)
    StateTables(lake)
    assert read_state_at(lake, 10) == Neighbours(None, None)


def test_another_state_version_is_refused(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    run_chunks(lake, 0)
    monkeypatch.setattr("spark_jobs.lake.state_version.OLDEST_STATE_VERSION", 3)
    with pytest.raises(StateError, match="run the release that wrote it"):
        read_state_at(lake, 30)


def test_columns_unknown_to_an_earlier_release_are_null(lake: Objects) -> None:
    earlier = pa.schema([field for field in MERCHANTS_SCHEMA if field.name != "customers"])
    table = open_or_create_table(lake.place(MERCHANTS), "detector", NewTable(earlier, VERSION_1))
    table.append(pa.table([["M1"], [3], [1], [1], [2.0], [None], [10]], schema=earlier), 10)
    earlier = pa.schema(list(PAIRS_SCHEMA)[:8])
    pairs = open_or_create_table(lake.place(PAIRS), "detector", NewTable(earlier, VERSION_1))
    pairs.append(pa.table([["M1"], ["C1"], ["F"], [1], [1], [1], [1], [10]], schema=earlier), 10)
    past = read_state_at(lake, 10)
    assert isinstance(past, PastState)
    assert past.merchants.schema == MERCHANTS_SCHEMA
    assert past.merchants.column("customers").to_pylist() == [None]


def test_a_store_that_fails_briefly_is_retried(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    run_chunks(lake, 0, 30)
    failures = iter([OSError("connection reset by peer")])

    def fails_at_first(url: str) -> DeltaTable | None:
        for failure in failures:
            raise failure
        return find_table(url)

    monkeypatch.setattr("spark_jobs.lake.past_state.find_table", fails_at_first)
    past = read_state_at(lake, 60)
    assert isinstance(past, PastState)
    assert past.line == 60
