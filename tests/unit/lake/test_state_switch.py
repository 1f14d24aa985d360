"""Switching the kind of writer of a state: refused beside a running detector, safe to interrupt and to repeat."""

import logging
from pathlib import Path

import pytest
from deltalake import DeltaTable

from spark_jobs.errors import SecondDetectorError, StateError, StorageError
from spark_jobs.lake import state_switch
from spark_jobs.lake.heartbeat import Heartbeat, write_heartbeat
from spark_jobs.lake.state_switch import SwitchSummary, switch_writer
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer, state_version, state_writer
from spark_jobs.maintenance.compaction import compact_pairs
from spark_jobs.store.line_table import LineTable
from spark_jobs.store.objects import Objects, open_objects
from tests.harness.delta_log import change_metadata, switch_on
from tests.harness.polling import polling
from tests.unit.lake.test_state_tables import NOW, VERSION_1, chunk_of, new_detector, run_chunks

LOG = logging.getLogger("detector")


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_switch, "_SECONDS_WITHOUT_HEARTBEAT", 1.0)


def writers(lake: Objects) -> set[tuple[Writer, int | None]]:
    tables = [DeltaTable(lake.place(f"state/{name}")) for name in ("pairs", "merchants", "detections")]
    return {(state_writer(table), state_version(table)) for table in tables}


def test_every_writer_refuses_the_other_kind_of_table(lake: Objects) -> None:
    run_chunks(lake, 0)
    assert switch_writer(lake, Writer.SPARK, LOG) == SwitchSummary(30, "spark")
    assert writers(lake) == {(Writer.SPARK, 3)}
    for write in (StateTables, lambda lake: compact_pairs(lake.place("state/pairs"))):
        with pytest.raises(StateError, match=r"is written by spark.*use --state-backend spark, or stop the detector"):
            write(lake)
    assert StateTables(lake, Writer.SPARK).load().committed_line == 30
    # Releases that do not know the property must read version 2 again.
    assert switch_writer(lake, Writer.DELTALAKE, LOG) == SwitchSummary(30, "deltalake")
    assert writers(lake) == {(Writer.DELTALAKE, 2)}
    run_chunks(lake, 30)


def test_a_running_detector_of_the_other_kind_loses_the_race(lake: Objects) -> None:
    run_chunks(lake, 0)
    tables = StateTables(lake)
    detector = new_detector(tables)
    switch_writer(lake, Writer.SPARK, LOG)
    with pytest.raises(SecondDetectorError, match="its kind of writer has changed"):
        tables.commit(detector.advance(chunk_of(30)), {})
    assert StateTables(lake, Writer.SPARK).load().committed_line == 30


def test_a_heartbeat_that_is_being_written_refuses_the_switch(lake: Objects) -> None:
    run_chunks(lake, 0)
    beats = iter(range(10**6))
    write_heartbeat(lake, Heartbeat(NOW, NOW, 30, 30))
    with (
        polling(lambda: write_heartbeat(lake, Heartbeat(NOW, NOW, 30, 30, batches=next(beats)))),
        pytest.raises(SecondDetectorError, match="a detector runs on"),
    ):
        switch_writer(lake, Writer.SPARK, LOG)
    assert writers(lake) == {(Writer.DELTALAKE, 2)}
    # The last one of a detector that was stopped.
    switch_writer(lake, Writer.SPARK, LOG)


@pytest.mark.parametrize("kind", list(Writer))
def test_an_interrupted_switch_is_repeated(lake: Objects, monkeypatch: pytest.MonkeyPatch, kind: Writer) -> None:
    run_chunks(lake, 0)
    other = next(one for one in Writer if one is not kind)
    if kind is Writer.DELTALAKE:
        switch_writer(lake, other, LOG)
    describe, calls = LineTable.describe, []

    def failing(self: LineTable, *arguments: object) -> None:
        calls.append(self)
        # The second table of the switch to Spark comes after the upgrade of three.
        if len(calls) == (5 if kind is Writer.SPARK else 2):
            raise StorageError("killed")
        describe(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LineTable, "describe", failing)
        with pytest.raises(StorageError, match="killed"):
            switch_writer(lake, kind, LOG)
    for writer in Writer:
        with pytest.raises(StateError, match="is written by"):
            StateTables(lake, writer)
    assert switch_writer(lake, kind, LOG) == SwitchSummary(30, kind)
    assert StateTables(lake, kind).load().committed_line == 30


def test_a_state_of_an_earlier_release_is_upgraded_before_it_is_switched(lake: Objects, tmp_path: Path) -> None:
    run_chunks(lake, 0)
    for name in ("pairs", "merchants", "detections"):
        change_metadata(tmp_path / "state" / name, description=VERSION_1, configuration={})
    switch_writer(lake, Writer.SPARK, LOG)
    assert writers(lake) == {(Writer.SPARK, 3)}


def test_a_lake_without_state_has_nothing_to_switch(lake: Objects) -> None:
    with pytest.raises(StateError, match="has no state to switch"):
        switch_writer(lake, Writer.SPARK, LOG)


def test_a_table_that_spark_clusters_is_read(lake: Objects, tmp_path: Path) -> None:
    run_chunks(lake, 0)
    switch_writer(lake, Writer.SPARK, LOG)
    switch_on(tmp_path / "state" / "pairs", writer=["clustering", "domainMetadata"])
    assert StateTables(lake, Writer.SPARK).load().committed_line == 30
