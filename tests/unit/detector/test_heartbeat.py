"""The heartbeat's own thread, against objects in memory."""

import json
import logging
from datetime import UTC, datetime

import pytest

from spark_jobs.detector.heartbeat import Heartbeat, Progress
from spark_jobs.lake.heartbeat_history import Sample, format_history, parse_history
from spark_jobs.lake.layout import HEARTBEAT, HISTORY
from spark_jobs.store.objects import Objects, open_objects

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = int(NOW.timestamp() // 60)


def beat_once(lake: Objects) -> None:
    heartbeat = Heartbeat(
        lake, Progress(NOW, 50, 50, importance_etag=""), lambda: 80, lambda: NOW, logging.getLogger("detector")
    )
    heartbeat.start()
    heartbeat.stop()


def stored_history(lake: Objects) -> tuple[Sample, ...]:
    stored = lake.find(HISTORY)
    assert stored
    return parse_history(stored.data, HISTORY)


def test_the_history_goes_on_over_a_restart() -> None:
    lake = open_objects("memory:///")
    before = Sample(MINUTE - 5, 10, 10, 0, 0.0)
    lake.write(HISTORY, format_history([before]))
    beat_once(lake)
    assert stored_history(lake) == (before, Sample(MINUTE, 80, 50, 30, 0.0))


def test_a_history_that_cannot_be_read_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lake = open_objects("memory:///")
    lake.write(HISTORY, b"?")
    beat_once(lake)
    assert len(stored_history(lake)) == 1
    assert "history begun anew" in caplog.text
    heartbeat = lake.find(HEARTBEAT)
    assert heartbeat
    assert json.loads(heartbeat.data)["lag_lines"] == 30
