"""The state of a lake as it was: whatever the detector and maintenance did to the tables since."""

import os
import random
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from spark_jobs.core.detections import parse_detection_rows
from spark_jobs.core.errors import StateError
from spark_jobs.core.evaluate import MERCHANTS_SCHEMA
from spark_jobs.core.names import DETECTIONS, MERCHANTS, PAIRS
from spark_jobs.core.pair_rows import PAIRS_SCHEMA
from spark_jobs.maintenance.tables import compact_pairs, vacuum
from spark_jobs.storage.delta import find
from spark_jobs.storage.objects import Objects, open_objects
from spark_jobs.storage.past_state import Neighbours, PastState, read_state_at
from spark_jobs.storage.state_tables import STATE_DESCRIPTION, StateTables
from spark_jobs.storage.tables import open_or_create_table
from tests.unit.test_maintenance import RunningDetector
from tests.unit.test_state_tables import run_chunks


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


class Remembered:
    """A running detector, and what its state was at each line."""

    def __init__(self, lake: Objects) -> None:
        self.lake = lake
        self.running = RunningDetector(lake)
        self.pairs: dict[int, list[str]] = {}

    def commit(self) -> None:
        self.running.commit()
        line = self.running.line
        self.pairs[line] = rows(self.running.detector.state.all_rows(line))

    def maintain(self) -> None:
        compact_pairs(self.lake.place(PAIRS))

    def vacuum(self) -> None:
        """Delete all that the newest versions do not refer to, however young."""
        for name in (PAIRS, MERCHANTS, DETECTIONS):
            table = DeltaTable(self.lake.place(name))
            table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)

    def kept(self) -> list[int]:
        """Return the lines whose state is kept, and see to it that it is what it was."""
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
def test_each_line_at_which_a_batch_ended_is_there_until_its_files_are_deleted(lake: Objects, seed: int) -> None:
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


def test_after_a_maintained_day_only_the_rewritten_line_and_what_follows_is_there(lake: Objects) -> None:
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


def test_where_the_log_has_been_cleaned_what_it_still_shows_is_there(lake: Objects, tmp_path: Path) -> None:
    remembered = Remembered(lake)
    for _ in range(3):
        remembered.commit()
    remembered.maintain()
    for entry in (tmp_path / PAIRS / "_delta_log").iterdir():
        os.utime(entry, (time.time() - 3 * 86_400,) * 2)
    vacuum(lake.place(PAIRS))
    # The idle one fails for a restart, as maintenance's tests have it.
    remembered.running.tables = StateTables(lake)
    remembered.commit()
    assert not (tmp_path / PAIRS / "_delta_log" / f"{0:020d}.json").exists()
    assert remembered.kept() == [30, 40]
    assert read_state_at(lake, 10) == Neighbours(None, 30)


def test_of_a_lake_without_a_state_nothing_is_there(lake: Objects) -> None:
    assert read_state_at(lake, 10) == Neighbours(None, None)
    StateTables(lake)
    assert read_state_at(lake, 10) == Neighbours(None, None)


def test_a_state_of_another_version_is_refused(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    run_chunks(lake, 0)
    monkeypatch.setattr("spark_jobs.storage.state_tables.STATE_DESCRIPTION", "transaction-patterns state version 0")
    with pytest.raises(StateError, match="run the version that wrote it"):
        read_state_at(lake, 30)


def test_columns_that_an_earlier_detector_did_not_know_are_null(lake: Objects) -> None:
    earlier = pa.schema([field for field in MERCHANTS_SCHEMA if field.name != "customers"])
    table = open_or_create_table(lake.place(MERCHANTS), "detector", earlier, STATE_DESCRIPTION)
    table.append(pa.table([["M1"], [3], [1], [1], [2.0], [None], [10]], schema=earlier), 10)
    earlier = pa.schema(list(PAIRS_SCHEMA)[:8])
    pairs = open_or_create_table(lake.place(PAIRS), "detector", earlier, STATE_DESCRIPTION)
    pairs.append(pa.table([["M1"], ["C1"], ["F"], [1], [1], [1], [1], [10]], schema=earlier), 10)
    past = read_state_at(lake, 10)
    assert isinstance(past, PastState)
    assert past.merchants.schema == MERCHANTS_SCHEMA
    assert past.merchants.column("customers").to_pylist() == [None]


def test_a_store_that_fails_for_a_moment_is_asked_again(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    run_chunks(lake, 0, 30)
    failures = iter([OSError("connection reset by peer")])

    def fails_at_first(url: str) -> DeltaTable | None:
        for failure in failures:
            raise failure
        return find(url)

    monkeypatch.setattr("spark_jobs.storage.past_state.find", fails_at_first)
    past = read_state_at(lake, 60)
    assert isinstance(past, PastState)
    assert past.line == 60
