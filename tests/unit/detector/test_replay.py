"""The beginning of a replay: its line and its output; the lake is only read."""

from pathlib import Path

import pandas as pd
import pytest

from spark_jobs.detector.replay import Replay, begin_replay, claim_output
from spark_jobs.errors import ReplayError, SecondDetectorError
from spark_jobs.kernel.pair_rows import all_pair_rows
from spark_jobs.lake.detection_files import DetectionFiles, detection_file
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.layout import DETECTIONS, HEARTBEAT, OFFSET, chunk_path
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.store.line_table import LineTable, open_table
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.lake.test_state_tables import chunk_of, new_detector, run_chunks

LANDED = 120


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    """Four chunks of 30 lines, three of them in the state."""
    lake = open_objects((tmp_path / "lake").as_uri())
    landing = open_landing("csv", lake)
    for first in range(0, LANDED, 30):
        landing.create(first, pd.DataFrame({"line": range(first, first + 30)}))
    run_chunks(lake, 0, 30, 60)
    return lake


@pytest.fixture
def output(tmp_path: Path) -> Objects:
    return open_objects((tmp_path / "replay").as_uri())


def begin_at(line: int, lake: Objects, output: Objects) -> StateTables:
    tables = StateTables(output)
    begin_replay(Replay(lake.url, line), lake, open_landing("csv", lake), LANDED, tables)
    return tables


def content(folder: Objects) -> dict[str, bytes]:
    root = Path(folder.url.removeprefix("file://"))
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_replay_repeats_what_the_lake_did_and_leaves_it_unchanged(lake: Objects, output: Objects) -> None:
    before = content(lake)
    claim_output(Replay(lake.url, 60), output)
    tables = begin_at(60, lake, output)
    loaded = tables.load()
    assert (loaded.committed_line, loaded.reported.through_line, len(loaded.pairs)) == (60, 60, 60)
    tables.commit(new_detector(tables).advance(chunk_of(60)), {})
    assert_same(StateTables(output), StateTables(lake))
    assert content(lake) == before


def test_a_delta_landing_zone_is_replayed(lake: Objects, output: Objects) -> None:
    landing = open_landing("delta", lake)
    for first in range(60, LANDED, 30):
        landing.create(first, pd.DataFrame({"line": range(first, first + 30)}))
    tables = StateTables(output)
    with pytest.raises(ReplayError, match=r"below line 60 have expired; .* kept is 60$"):
        begin_replay(Replay(lake.url, 30), lake, landing, LANDED, tables)
    begin_replay(Replay(lake.url, 60), lake, landing, LANDED, tables)
    assert tables.load().committed_line == 60


@pytest.mark.parametrize("line", [30, 60])
def test_a_replay_compacts_and_finds_what_the_lake_did(
    lake: Objects, output: Objects, monkeypatch: pytest.MonkeyPatch, line: int
) -> None:
    monkeypatch.setattr("spark_jobs.lake.state_tables._APPENDS_BETWEEN_COMPACTIONS", 2)
    tables = begin_at(line, lake, output)
    detector = new_detector(tables)
    for first in range(line, 90, 30):
        tables.commit(detector.advance(chunk_of(first)), {})
        tables.compact_if_due(detector.state, first + 30, {})
    assert_same(StateTables(output), StateTables(lake))


def assert_same(one: StateTables, other: StateTables) -> None:
    assert one.detections_from(0) == other.detections_from(0)
    loaded = (one.load(), other.load())
    assert len({state.committed_line for state in loaded}) == 1
    states = (sorted(map(str, all_pair_rows(state.pairs, 0).to_pylist())) for state in loaded)
    assert next(states) == next(states)


def test_a_replay_writes_the_files_of_earlier_detections(lake: Objects, output: Objects) -> None:
    tables = begin_at(60, lake, output)
    DetectionFiles(output, 60, tables.detections_from).write_missing()
    files = dict([detection_file(StateTables(lake).detections_from(0)[:50])])
    assert {path: data for path, data in content(output).items() if path.startswith("detections/")} == files


@pytest.mark.parametrize("written", [1, 2])
def test_an_interrupted_beginning_is_repeated(
    lake: Objects, output: Objects, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    append = LineTable.append
    appended: list[LineTable] = []

    def killed(self: LineTable, *arguments: object) -> None:
        if len(appended) == written:
            raise KeyboardInterrupt
        appended.append(self)
        append(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LineTable, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            begin_at(90, lake, output)
    assert not StateTables(output).begun
    assert_same(begin_at(90, lake, output), StateTables(lake))
    detections = open_table(output.place(DETECTIONS), "detector")
    assert detections
    assert detections.handle.to_pyarrow_table().num_rows == 90


def test_one_of_two_simultaneous_replays_stops(lake: Objects, output: Objects) -> None:
    first, second = StateTables(output), StateTables(output)
    landing = open_landing("csv", lake)
    begin_replay(Replay(lake.url, 60), lake, landing, LANDED, first)
    with pytest.raises(SecondDetectorError, match="a second detector runs on"):
        begin_replay(Replay(lake.url, 60), lake, landing, LANDED, second)
    assert StateTables(output).load().committed_line == 60


@pytest.mark.parametrize(
    ("line", "nearest"), [(1, 0), (29, 30), (31, 30), (59, 60), (91, 90), (1_000_000, 90)], ids=str
)
def test_a_line_without_state_is_refused_naming_the_nearest(
    lake: Objects, output: Objects, line: int, nearest: int
) -> None:
    said = f"--from-line {line}: .* keeps no state of this line; the nearest .* kept is {nearest}$"
    with pytest.raises(ReplayError, match=said):
        begin_at(line, lake, output)


@pytest.mark.parametrize(("line", "nearest"), [(0, 60), (30, 60), (61, 60), (75, 60)], ids=str)
def test_a_line_without_chunk_is_refused_naming_the_nearest(
    lake: Objects, output: Objects, line: int, nearest: int
) -> None:
    lake.delete([chunk_path(0), chunk_path(30)])
    with pytest.raises(ReplayError, match=f"kept is {nearest}$"):
        begin_at(line, lake, output)


def test_a_lake_without_any_replayable_line_says_so(lake: Objects, output: Objects) -> None:
    lake.delete([chunk_path(first) for first in range(0, LANDED, 30)])
    with pytest.raises(ReplayError, match="there is no line whose state and chunks are both kept"):
        begin_at(0, lake, output)


@pytest.mark.parametrize("line", [0, 60])
def test_an_output_accepts_its_own_replay_and_refuses_another(lake: Objects, output: Objects, line: int) -> None:
    for _ in range(2):
        claim_output(Replay(lake.url, line), output)
    with pytest.raises(ReplayError, match=f"contains the replay of {lake.url} from line {line}; continue that replay"):
        claim_output(Replay(lake.url, line + 30), output)
    with pytest.raises(ReplayError, match="contains the replay of"):
        claim_output(Replay("s3://another/lake", line), output)


@pytest.mark.parametrize("name", [OFFSET, HEARTBEAT, "state/pairs/_delta_log/00000000000000000000.json"])
def test_another_lake_is_never_an_output(lake: Objects, output: Objects, name: str) -> None:
    output.write(name, b"{}")
    before = content(output)
    with pytest.raises(ReplayError, match=f"is a lake itself, it contains {name}"):
        claim_output(Replay(lake.url, 0), output)
    assert content(output) == before


@pytest.mark.parametrize("beneath", ["", "/replay"])
def test_an_output_in_the_lake_itself_is_refused(lake: Objects, beneath: str) -> None:
    with pytest.raises(ReplayError, match="is in the lake itself"):
        claim_output(Replay(lake.url, 0), open_objects(lake.url + beneath))


def test_an_output_with_a_damaged_record_is_refused(lake: Objects, output: Objects) -> None:
    output.write("state/replay.json", b"{")
    with pytest.raises(ReplayError, match=r"state/replay\.json is not what a replay writes"):
        claim_output(Replay(lake.url, 0), output)
