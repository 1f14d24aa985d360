from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.table import TableAlterer

from spark_jobs.errors import SecondDetectorError, StateError
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.past_state import PastState, read_state_at
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import VERSION_PROPERTY, Writer, state_description, state_version
from spark_jobs.maintenance.compaction import compact_merchant_history
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Detector, Outcome
from spark_jobs.patterns.detections import Detection, detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.line_table import open_table
from spark_jobs.store.new_table import NewTable, open_or_create_table
from spark_jobs.store.objects import Objects, open_objects
from tests.harness.delta_log import change_metadata

# Every pair is a child from its first transaction on.
RULES = Rules(built_in_rules({"child_transactions": 1}), every_chunk=False)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# The description of tables of state version 1, which had no property.
VERSION_1 = "transaction-patterns state version 1"


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


def new_detector(tables: StateTables, rules: Rules = RULES) -> Detector:
    loaded = tables.load()
    return Detector(loaded.pairs, loaded.reported, rules, lambda: NOW)


def set_property(table: Path, version: str) -> None:
    change_metadata(table, configuration={VERSION_PROPERTY: version})


def versions(lake: Objects) -> dict[str, int | None]:
    """Return the state version of each table."""
    return {
        name: state_version(DeltaTable(lake.place(f"state/{name}"))) for name in ("pairs", "merchants", "detections")
    }


def partialmethod_of(function: Callable[..., None], number: int) -> Callable[..., None]:
    return lambda *arguments, **named: function(number, *arguments, **named)


def chunk_of(first: int, lines: int = 30, end: int | None = None) -> list[ChunkSums]:
    """Return the sums of a chunk of `lines` distinct customers."""
    numbers = range(first, first + lines)
    values = {
        "line": list(numbers),
        "customer": [f"C{number}" for number in numbers],
        "gender": ["F"] * lines,
        "merchant": ["M1"] * lines,
        "category": ["food"] * lines,
        "amount": ["1.0"] * lines,
    }
    schema = pa.schema([(name, CHUNK_COLUMNS[name]) for name in values])
    return [sum_chunk(pa.table(values, schema=schema), end or first + lines)]


def run_chunks(lake: Objects, *firsts: int) -> list[Outcome]:
    tables = StateTables(lake)
    detector = new_detector(tables)
    outcomes = [detector.advance(chunk_of(first)) for first in firsts]
    for outcome in outcomes:
        tables.commit(outcome, {"importanceEtag": "e1"})
    return outcomes


def test_a_start_loads_what_was_committed(lake: Objects) -> None:
    outcomes = run_chunks(lake, 0, 30)
    tables = StateTables(lake)
    loaded = tables.load()
    assert (loaded.committed_line, loaded.reported.through_line, loaded.reported.next_seq) == (60, 60, 60)
    assert loaded.detections == {"PatId2": 60}
    assert tables.detections_from(0) == [detection for outcome in outcomes for detection in outcome.detections]
    assert len(loaded.pairs) == 60
    assert tables.last_metadata("importanceEtag") == "e1"


def test_rows_beyond_the_committed_line_are_kept_and_not_duplicated(lake: Objects) -> None:
    run_chunks(lake, 0)
    killed = StateTables(lake)
    half = new_detector(killed).advance(chunk_of(30))
    killed._append_merchants(half)
    killed._detections.append(detection_rows(half.detections), half.line)

    tables = StateTables(lake)
    assert tables.load().committed_line == 30
    # With other thresholds: earlier detections stay, and none is added for that chunk.
    detector = new_detector(tables, replace(RULES, rule_set=built_in_rules({"child_transactions": 99})))
    again = detector.advance(chunk_of(30))
    assert again.detections == []
    tables.commit(again, {})

    assert tables.load().detections == {"PatId2": 60}
    assert [detection.seq for detection in tables.detections_from(0)] == list(range(60))
    merchants = open_table(lake.place("state/merchants"), "detector")
    assert merchants
    rows = merchants.handle.to_pyarrow_table().select(MERCHANTS_SCHEMA.names).sort_by("line").to_pylist()
    assert [(row["line"], row["transactions"]) for row in rows] == [(30, 30), (60, 60)]


def test_a_second_detector_loses_the_race_and_duplicates_nothing(lake: Objects) -> None:
    run_chunks(lake, 0)
    first, second = StateTables(lake), StateTables(lake)
    outcomes = [new_detector(tables).advance(chunk_of(30)) for tables in (first, second)]
    first.commit(outcomes[0], {})
    with pytest.raises(SecondDetectorError, match="a second detector runs on"):
        second.commit(outcomes[1], {})
    tables = StateTables(lake)
    assert tables.load().committed_line == 60
    assert [detection.seq for detection in tables.detections_from(0)] == list(range(60))


@pytest.mark.parametrize("version", ["0", "4", "12"])
def test_another_state_version_is_refused_and_unchanged(lake: Objects, tmp_path: Path, version: str) -> None:
    run_chunks(lake, 0)
    set_property(tmp_path / "state" / "merchants", version)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    said = f"state/merchants has state version {version}, this release reads 1 to 3; run the release that wrote it"
    for use in (
        StateTables,
        lambda lake: read_state_at(lake, 30),
        lambda lake: compact_merchant_history(lake.place("state/merchants"), 30),
    ):
        with pytest.raises(StateError, match=said):
            use(lake)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_comment_on_a_table_changes_nothing(lake: Objects, tmp_path: Path) -> None:
    run_chunks(lake, 0)
    for name in ("pairs", "merchants", "detections"):
        change_metadata(tmp_path / "state" / name, description="the pairs of our shop")
    run_chunks(lake, 30)
    past = read_state_at(lake, 60)
    assert isinstance(past, PastState)
    assert past.pairs.num_rows == 60


def test_a_comment_on_a_state_of_version_1_is_refused_with_the_property_to_set(lake: Objects, tmp_path: Path) -> None:
    run_chunks(lake, 0)
    pairs = tmp_path / "state" / "pairs"
    change_metadata(pairs, description="the pairs of our shop", configuration={})
    with pytest.raises(StateError, match=r"SET TBLPROPERTIES \('transactionPatterns\.stateVersion' = '1'\)"):
        StateTables(lake)
    set_property(pairs, "1")
    run_chunks(lake, 30)
    assert versions(lake) == {"pairs": 2, "merchants": 2, "detections": 2}


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4])
def test_an_interrupted_upgrade_from_version_1_is_completed(
    lake: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    run_chunks(lake, 0)
    for name in ("pairs", "merchants", "detections"):
        change_metadata(tmp_path / "state" / name, description=VERSION_1, configuration={})
    assert versions(lake) == {"pairs": 1, "merchants": 1, "detections": 1}
    alter: list[Callable[..., None]] = [TableAlterer.set_table_description, TableAlterer.set_table_properties]
    left = [done]

    def interrupted(number: int, *arguments: Any, **named: Any) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        alter[number](*arguments, **named)

    with monkeypatch.context() as killed:
        for number, name in enumerate(("set_table_description", "set_table_properties")):
            killed.setattr(TableAlterer, name, partialmethod_of(interrupted, number))
        with pytest.raises(KeyboardInterrupt):
            StateTables(lake).load()
    run_chunks(lake, 30)
    assert versions(lake) == {"pairs": 2, "merchants": 2, "detections": 2}
    assert StateTables(lake).load().detections == {"PatId2": 60}


def test_a_release_that_compares_the_description_refuses_an_upgraded_state(lake: Objects, tmp_path: Path) -> None:
    run_chunks(lake, 0)
    change_metadata(tmp_path / "state" / "pairs", description=VERSION_1, configuration={})
    StateTables(lake).load()
    pairs = open_table(lake.place("state/pairs"), "detector")
    assert pairs
    assert pairs.handle.metadata().description == state_description(Writer.DELTALAKE) != VERSION_1


@pytest.mark.parametrize(("touched_again", "rows"), [(True, 5), (False, 255)], ids=["rewritten", "files merged"])
def test_compaction_keeps_the_state_and_few_files(lake: Objects, touched_again: bool, rows: int) -> None:
    tables = StateTables(lake)
    detector = new_detector(tables)
    for batch in range(51):
        outcome = detector.advance(chunk_of(0 if touched_again else batch * 5, 5, end=(batch + 1) * 5))
        tables.commit(outcome, {})
    compacted = [tables.compact_if_due(detector.state, outcome.line, {}) for _ in range(4)]
    assert [url and url.rpartition("/")[2] for url in compacted[:2]] == ["pairs", "merchants"]
    assert compacted[-1] is None
    pairs = tables._pairs.handle
    assert len(pairs.file_uris()) == 1
    assert pairs.to_pyarrow_table().num_rows == rows
    assert len(tables._merchants.handle.file_uris()) == 1
    loaded = StateTables(lake).load()
    assert loaded.committed_line == 255
    assert set(map(str, all_pair_rows(loaded.pairs, 0).to_pylist())) == set(
        map(str, all_pair_rows(detector.state, 0).to_pylist())
    )


def test_missing_detection_files_are_written_with_the_same_bytes(lake: Objects, tmp_path: Path) -> None:
    outcomes = run_chunks(lake, 0, 30, 60, 90)
    detections = [detection for outcome in outcomes for detection in outcome.detections]
    other = open_objects((tmp_path / "other").as_uri())
    assert DetectionFiles(other).add(detections) == 2

    # Killed after the first file.
    DetectionFiles(lake).add(detections[:50])
    files = DetectionFiles(lake, len(detections), StateTables(lake).detections_from)
    assert files.write_missing() == 1
    assert files.waiting == 20
    paths = list(other.list_after("detections", ""))
    assert list(lake.list_after("detections", "")) == paths
    assert [lake.find(path).data for path in paths] == [other.find(path).data for path in paths]  # type: ignore[union-attr]


def test_missing_columns_are_added_to_a_table_of_an_earlier_release(lake: Objects) -> None:
    earlier = pa.schema([field for field in MERCHANTS_SCHEMA if field.name != "customers"])
    table = open_or_create_table(lake.place("state/merchants"), "detector", NewTable(earlier, VERSION_1))
    table.append(pa.table([["M1"], [3], [1], [1], [2.0], [None], [10]], schema=earlier), 10)
    run_chunks(lake, 10)
    merchants = open_table(lake.place("state/merchants"), "detector")
    assert merchants
    rows = merchants.handle.to_pyarrow_table().sort_by("line").to_pylist()
    assert [(row["line"], row["customers"]) for row in rows] == [(10, None), (40, 30)]


def test_reported_patterns_are_migrated_from_the_detections(lake: Objects) -> None:
    run_chunks(lake, 0)
    pairs = open_table(lake.place("state/pairs"), "detector")
    assert pairs
    earlier = [name for name in PAIRS_SCHEMA.names if not name.endswith("reported")]
    pairs.overwrite(pairs.handle.to_pyarrow_table().select(earlier), 30)

    for _ in range(2):
        tables = StateTables(lake)
        detector = new_detector(tables)
        assert detector.advance(chunk_of(0, end=60)).detections == []
    assert tables.load().detections == {"PatId2": 30}
    assert tables._pairs.handle.metadata().description == state_description(Writer.DELTALAKE)


def test_a_start_looks_back_as_far_as_the_last_detection_file(lake: Objects) -> None:
    outcomes = run_chunks(lake, *range(0, 3000, 30))
    detections = [detection for outcome in outcomes for detection in outcome.detections]
    stored = StateTables(lake).detections_from
    asked: list[int] = []

    def seen(seq: int) -> list[Detection]:
        asked.append(seq)
        return stored(seq)

    DetectionFiles(lake).add(detections[: 50 * 30])
    assert DetectionFiles(lake, 3000, seen).write_missing() == 30
    assert asked == [50 * 40, 0]
    assert DetectionFiles(lake, 3000, seen).write_missing() == 0
    assert asked[2:] == [50 * 40]
