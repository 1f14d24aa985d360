"""The heartbeat thread, writing to objects in memory."""

import logging
from datetime import UTC, datetime

import pytest

import spark_jobs
from spark_jobs.detector.heartbeat_writer import HeartbeatWriter
from spark_jobs.lake.heartbeat import Heartbeat, read_heartbeat
from spark_jobs.lake.heartbeat_history import Sample, read_history, write_history
from spark_jobs.lake.layout import HISTORY
from spark_jobs.lake.offset import Offset, advance_offset
from spark_jobs.store.objects import Objects, open_objects

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = int(NOW.timestamp() // 60)


def beat_once(lake: Objects) -> None:
    progress = Heartbeat(NOW, NOW, committed_line=50, landed_line=50, detections={"PatId2": 3})
    advance_offset(lake, Offset(80, 800, 800, "e", NOW.isoformat(), ""), None)
    writer = HeartbeatWriter(lake, lake, lambda: progress, lambda: NOW, logging.getLogger("detector"))
    writer.start()
    writer.stop()


def test_the_history_continues_after_a_restart() -> None:
    lake = open_objects("memory:///")
    before = Sample(MINUTE - 5, 10, 10, 0, 0.0)
    write_history(lake, [before])
    beat_once(lake)
    assert read_history(lake) == (before, Sample(MINUTE, 80, 50, 30, 0.0))


def test_an_unreadable_history_does_not_stop_the_heartbeat(caplog: pytest.LogCaptureFixture) -> None:
    lake = open_objects("memory:///")
    lake.write(HISTORY, b"?")
    beat_once(lake)
    assert len(read_history(lake)) == 1
    assert "starting a new one" in caplog.text
    beat = read_heartbeat(lake)
    assert beat == Heartbeat(NOW, NOW, 50, 80, detections={"PatId2": 3}, version=spark_jobs.__version__)
    assert beat.lag_lines == 30
