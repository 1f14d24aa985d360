"""The detector's command line in a process that goes on without it."""

import logging
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


@pytest.mark.parametrize(("placement", "backend"), [("driver", "driver"), ("cluster", "spark")])
def test_the_option_of_earlier_releases_warns_and_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, placement: str, backend: str
) -> None:
    started: list[str] = []
    monkeypatch.setattr(cli, "run", lambda settings, *_: started.append(settings.state_backend))
    monkeypatch.setattr(cli, "job_logger", lambda _: logging.getLogger("command-line"))
    assert cli.main(["--lake", "file:///nowhere", "--placement", placement]) == 0
    assert started == [backend]
    assert f"--placement is now --state-backend {backend}" in caplog.text
