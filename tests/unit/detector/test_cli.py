"""The detector's command line in a process that goes on without it."""

import signal
import threading
from collections.abc import Callable
from datetime import datetime
from logging import Logger

import pytest

from spark_jobs.detector import cli
from spark_jobs.detector.run import DetectorSettings
from spark_jobs.errors import LandingZoneError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("failing", [False, True])
def test_a_signal_stops_it_and_afterwards_the_process_has_its_own_handlers_again(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, failing: bool
) -> None:
    """A notebook's kernel outlives the detector, and would never end on SIGTERM."""

    def run(_settings: DetectorSettings, stopping: threading.Event, _now: Callable[[], datetime], _log: Logger) -> None:
        signal.raise_signal(number)
        assert stopping.is_set()
        if failing:
            raise LandingZoneError("a gap at line 7")

    monkeypatch.setattr(cli, "run", run)
    before = signal.getsignal(number)
    if failing:
        with pytest.raises(SystemExit, match="70"):
            cli.main(["--lake", "file:///nowhere"])
    else:
        assert cli.main(["--lake", "file:///nowhere"]) == 0
    assert signal.getsignal(number) is before
