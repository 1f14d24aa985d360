"""A detector adopts published rules at a micro-batch's first line, and keeps them for these lines ever after."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from spark_jobs.detector.backend import BackendStart, DriverBackend
from spark_jobs.detector.batches import BatchContext, BatchProcessor
from spark_jobs.detector.replay import replayed_adoptions
from spark_jobs.detector.rules_watch import RulesWatch, read_schedule
from spark_jobs.errors import RulesError, StorageError
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.layout import PAIRS, SHADOW, rules_path
from spark_jobs.lake.rules import format_rules, publish_rules
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Detector
from spark_jobs.patterns.detections import Detection
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.line_table import LineTable
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.lake.test_state_tables import NOW, chunk_of
from tests.unit.patterns.test_rules import pattern

LOG = logging.getLogger("detector")
# Of the chunks of `chunk_of`, each pair is found at its first transaction.
NEVER = pattern(id='"NEVER"', when='["transactions > 1000"]')


def always(name: str, status: str = "active") -> str:
    return pattern(id=f'"{name}"', when='["transactions >= 1"]', status=f'"{status}"')


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


def publish(lake: Objects, *patterns: str) -> int:
    return publish_rules(lake, "".join(patterns).encode(), "ann", "", NOW).version


class Running:
    """A detector's state, rules and processing without Spark."""

    def __init__(self, lake: Objects, **thresholds: float) -> None:
        self.tables = StateTables(lake)
        loaded = self.tables.load()
        rules = Rules(
            built_in_rules(thresholds), every_chunk=False, adopted=read_schedule(lake, self.tables.adoptions())
        )
        self.watch = RulesWatch(lake, rules.newest.version, thresholds, LOG)
        self.watch.look()
        files = DetectionFiles(lake, loaded.reported.next_seq, self.tables.detections_from)
        self.batches = BatchProcessor(
            DriverBackend(self.tables, loaded.pairs, BackendStart(loaded.reported, rules, lambda: NOW)),
            BatchContext(files, {}, self.watch.take, loaded.committed_line, loaded.recorded_line),
            Heartbeat(NOW, NOW, loaded.committed_line, 0, rules_version=rules.newest.version),
            threading.Event(),
            LOG,
        )
        self.batches.write_missing_files()

    def run(self, *firsts: int) -> None:
        """Process a micro-batch of these chunks, and wait for its commit."""
        self.process([chunk for first in firsts for chunk in chunk_of(first)])

    def process(self, chunks: list[ChunkSums]) -> None:
        self.batches.process(chunks)
        assert self.batches._processed
        self.batches._processed.result()

    @property
    def heartbeat(self) -> Heartbeat:
        return self.watch.noted_in(self.batches.progress)


@contextmanager
def killed_before_pairs() -> Iterator[None]:
    """Let commits to pairs fail, except those that adopt rules."""
    append = LineTable.append

    def failing(self: LineTable, rows: object, line: int, *metadata_and_marks: Any) -> None:
        if self.url.endswith(PAIRS) and len(metadata_and_marks) < 2:
            raise StorageError("killed")
        append(self, rows, line, *metadata_and_marks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineTable, "append", failing)
        with pytest.raises(StorageError, match="killed"):
            yield


def found(lake: Objects) -> list[tuple[int, str, int]]:
    """Return line, pattern and version of the detections, one for each pair of a chunk."""
    rows = StateTables(lake).detections_from(0)
    assert [row.seq for row in rows] == list(range(len(rows)))
    return sorted({(row.line, row.pattern_id, row.rules_version) for row in rows})


def shadow(lake: Objects) -> list[tuple[int, str]]:
    rows = DeltaTable(lake.place(SHADOW)).to_pyarrow_table().to_pylist()
    keys = [(row["line"], row["patternId"], row["customerName"]) for row in rows]
    assert len(keys) == len(set(keys))
    return sorted({key[:2] for key in keys})


def test_rules_are_adopted_at_the_next_micro_batch_without_a_restart(lake: Objects) -> None:
    detector = Running(lake, child_transactions=1)
    detector.run(0)
    publish(lake, always("A"))
    detector.run(30)
    detector.watch.look()
    detector.run(60, 90)
    assert found(lake) == [(30, "PatId2", 0), (60, "PatId2", 0), (90, "A", 1), (120, "A", 1)]
    assert (detector.heartbeat.rules_version, detector.heartbeat.rules_from_line) == (1, 60)
    again = Running(lake, child_transactions=1)
    again.run(120)
    assert found(lake)[-1] == (150, "A", 1)
    assert again.heartbeat.rules_version == 1


def test_lines_detected_before_a_kill_keep_their_rules(lake: Objects) -> None:
    publish(lake, always("A"))
    detector = Running(lake)
    detector.run(0)
    publish(lake, always("B"))
    detector.watch.look()
    with killed_before_pairs():
        detector.run(30, 60)
    publish(lake, always("C"))
    # Each restart is killed again, before anything else is committed.
    for _ in range(2):
        with killed_before_pairs():
            Running(lake).run(30)
    restarted = Running(lake)
    restarted.run(30, 60, 90)
    assert [(one.version, one.from_line) for one in StateTables(lake).adoptions()] == [(3, 90)]
    assert found(lake) == [(30, "A", 1), (60, "B", 2), (90, "B", 2), (120, "C", 3)]


def test_newer_rules_begin_after_what_a_killed_detector_detected(lake: Objects) -> None:
    publish(lake, always("A"))
    detector = Running(lake)
    with killed_before_pairs():
        detector.run(0, 30)
    publish(lake, always("A"), always("B"))
    restarted = Running(lake)
    # In smaller micro-batches than before.
    for first in (0, 30, 60):
        restarted.run(first)
    assert [(one.version, one.from_line) for one in StateTables(lake).adoptions()] == [(2, 60)]
    assert found(lake) == [(30, "A", 1), (60, "A", 1), (90, "A", 2), (90, "B", 2)]


def test_shadow_rows_recorded_before_a_kill_keep_their_rules(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lake, always("A", "shadow"))
    detector = Running(lake)
    with monkeypatch.context() as patch:
        patch.setattr(StateTables, "_append_merchants", lambda *_: (_ for _ in ()).throw(StorageError("killed")))
        with pytest.raises(StorageError, match="killed"):
            detector.run(0, 30)
    publish(lake, always("B", "shadow"))
    restarted = Running(lake)
    restarted.run(0)
    restarted.run(30)
    assert shadow(lake) == [(30, "A"), (60, "A")]
    # B has not been evaluated of these lines, so all of their pairs are new to it.
    restarted.process(chunk_of(0, 60, end=90))
    assert shadow(lake) == [(30, "A"), (60, "A"), (90, "B")]
    assert DeltaTable(lake.place(SHADOW)).to_pyarrow_table().num_rows == 120  # 60 of A, 60 of B


def test_shadow_is_recorded_without_seq_and_promotion_reports_anew(lake: Objects) -> None:
    publish(lake, always("A", "shadow"), always("B"))
    detector = Running(lake)
    detector.run(0)
    detector.run(0 + 30)
    publish(lake, always("A"), always("B", "paused"))
    detector.watch.look()
    for end in (90, 120):
        detector.process(chunk_of(0, end=end))
    publish(lake, always("B"))
    Running(lake).process(chunk_of(0, end=150))
    # B was reported of these pairs before it was paused, and is not reported again.
    assert found(lake) == [(30, "B", 1), (60, "B", 1), (90, "A", 2)]
    assert shadow(lake) == [(30, "A"), (60, "A")]
    assert detector.batches.progress.detections == {"A": 30, "B": 60}
    [file] = lake.list_after("detections", "")
    stored = lake.find(file)
    assert stored
    assert stored.data.count(b",B,ACT,") == 50


def test_a_removed_pattern_that_is_back_does_not_report_again(lake: Objects) -> None:
    detector = Running(lake, child_transactions=1)
    for end, rules in ((30, always("A")), (60, NEVER), (90, always("A") + NEVER)):
        publish(lake, rules)
        detector.watch.look()
        detector.process(chunk_of(0, end=end))
    assert found(lake) == [(30, "A", 1)]


def test_an_invalid_version_is_skipped_shown_and_logged_once(lake: Objects, caplog: pytest.LogCaptureFixture) -> None:
    publish(lake, always("A"))
    lake.create(rules_path(2), b"[[pattern]]\n")
    for _ in range(2):
        detector = Running(lake)
        detector.run(detector.batches.progress.committed_line)
        for _ in range(3):
            detector.watch.look()
        beat = detector.heartbeat
        assert (beat.rules_version, beat.refused_rules_version) == (1, 2)
        assert "rules/000002.toml: does not begin with [version]" in beat.refused_rules_reason
    assert caplog.text.count("rules refused") == 2
    assert found(lake) == [(30, "A", 1), (60, "A", 1)]
    publish(lake, always("B"))
    detector.watch.look()
    detector.run(60)
    assert (detector.heartbeat.rules_version, detector.heartbeat.refused_rules_version) == (3, 0)
    assert detector.heartbeat.refused_rules_reason == ""


def test_too_many_ids_are_refused_by_the_detector_too(lake: Objects) -> None:
    publish(lake, *(always(f"A{n}") for n in range(13)))
    lake.create(rules_path(2), format_rules(always("B").encode(), "ann", "", NOW, None))
    detector = Running(lake)
    detector.run(0)
    assert "17 patterns over the life of the lake" in detector.heartbeat.refused_rules_reason


def test_a_store_that_fails_keeps_the_rules_and_is_asked_again(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lake, always("A"))
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "find", lambda *_: (_ for _ in ()).throw(StorageError("no connection")))
        detector_watch = RulesWatch(lake, 0, {}, LOG)
        detector_watch.look()
    assert detector_watch.noted_in(Heartbeat(NOW, NOW, 0, 0)).refused_rules_reason == "no connection"
    detector_watch.look()
    assert detector_watch.noted_in(Heartbeat(NOW, NOW, 0, 0)).refused_rules_reason == ""
    assert detector_watch.take()


def test_adopted_rules_that_changed_stop_the_next_start(lake: Objects) -> None:
    publish(lake, always("A"))
    Running(lake).run(0)
    stored = lake.find(rules_path(1))
    assert stored
    lake.write(rules_path(1), stored.data + b"\n")
    with pytest.raises(RulesError, match=r"000001\.toml has changed since it was adopted at line 0"):
        Running(lake)


def test_adoptions_survive_the_cleaning_of_the_log(lake: Objects, tmp_path: Path) -> None:
    publish(lake, always("A"))
    detector = Running(lake)
    detector.run(0)
    DeltaTable(lake.place(PAIRS)).create_checkpoint()
    # As `maintain_state` does a day later: entries before the checkpoint.
    for entry in sorted((tmp_path / PAIRS / "_delta_log").glob("*.json"))[:-1]:
        entry.unlink()
    again = Running(lake)
    again.run(30)
    assert found(lake) == [(30, "A", 1), (60, "A", 1)]


def test_a_replay_uses_the_rules_that_the_lake_has_used(lake: Objects, tmp_path: Path) -> None:
    detector = Running(lake, child_transactions=1)
    for first in (0, 30, 60, 90):
        detector.run(first)
        publish(lake, always(f"A{first}"), always("S", "shadow"))
        detector.watch.look()
    for from_line in (0, 60, 90):
        adopted = read_schedule(lake, replayed_adoptions(lake, from_line))
        tables = StateTables(open_objects((tmp_path / f"replay-{from_line}").as_uri()))
        rules = Rules(built_in_rules({"child_transactions": 1}), every_chunk=False, adopted=adopted)
        loaded = tables.load()
        outcome = Detector(loaded.pairs, loaded.reported, rules, lambda: NOW + timedelta(hours=1)).advance(
            [chunk for first in range(from_line, 120, 30) for chunk in chunk_of(first)]
        )
        expected = [row for row in StateTables(lake).detections_from(0) if row.line > from_line]
        assert [what(d) for d in outcome.detections] == [what(d) for d in expected]


def what(d: Detection) -> tuple[object, ...]:
    return d.line, d.pattern_id, d.merchant, d.customer, d.evidence, d.thresholds, d.rules_version


@pytest.mark.parametrize(("thresholds", "warnings"), [({"child_transactions": 1.0}, 1), ({}, 0)])
def test_thresholds_are_ignored_with_a_warning_once_rules_are_published(
    lake: Objects, caplog: pytest.LogCaptureFixture, thresholds: dict[str, float], warnings: int
) -> None:
    detector = Running(lake, **thresholds)
    assert "--threshold is ignored" not in caplog.text
    publish(lake, always("A"))
    detector.watch.look()
    assert caplog.text.count("--threshold is ignored") == warnings
    detector.run(0)
    Running(lake, **thresholds)
    assert caplog.text.count("--threshold is ignored") == 2 * warnings
