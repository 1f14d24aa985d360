"""`make run`: the whole on one machine, and nothing of it left when it has ended, however it ended."""

import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from local.ports import free_port
from local.run import main
from tests.harness.pipeline import ROOT, wait_until

pytestmark = pytest.mark.processes
_MARK = "TEST_RUN_MARK"


@dataclass
class Run:
    """A started `make run`; every process of it carries a mark in its environment."""

    directory: Path
    mark: str
    process: "subprocess.Popen[bytes]"

    def output(self) -> str:
        return (self.directory / "output").read_text()

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _mark_of(process) == self.mark]


def _mark_of(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(_MARK))
    except psutil.Error:
        # It has ended, or is somebody else's.
        return ""


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts it; what it has started ends with the test."""
    runs: list[Run] = []

    def begin(*arguments: str) -> Run:
        mark = uuid.uuid4().hex
        command = [sys.executable, "-m", "local.run", "--rows", "30000", "--directory", str(tmp_path)]
        command += ["--airflow-port", "0", "--databricks-port", "0", "--s3-port", "0", *arguments]
        with (tmp_path / "output").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, _MARK: mark},
                # As from a terminal: tests that run in the background would hand down that it is ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        runs.append(Run(tmp_path, mark, process))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.terminate()
        run.process.wait(60)


def test_the_sample_is_processed_and_nothing_is_left_running(start: Start) -> None:
    run = start("--once")
    assert run.process.wait(300) == 0, run.output()
    said = run.output()
    assert re.search(r"transactions +│ +30,000 ", said)
    assert re.search(r"chunks +│ +3 ", said)
    assert (run.directory / "lake" / "offset.csv").exists()
    assert (run.directory / "lake" / "state" / "pairs" / "_delta_log").exists()
    assert run.processes() == []


@pytest.mark.parametrize("which", ["the outer process", "the inner process"])
def test_killed_hard_it_leaves_no_process(start: Start, which: str) -> None:
    run = start("--no-once")
    wait_until(lambda: "everything is committed" in run.output(), [run.process], seconds=240)
    outer = psutil.Process(run.process.pid)
    [inner] = [child for child in outer.children() if "local.run" in child.cmdline()]
    assert len(run.processes()) > 10
    assert not [child for child in outer.children() if child.status() == psutil.STATUS_ZOMBIE]
    (outer if which == "the outer process" else inner).kill()
    run.process.wait(60)
    wait_until(lambda: run.processes() == [])


def test_ctrl_c_ends_it(start: Start) -> None:
    run = start("--grow", "100")
    wait_until(lambda: "Airflow  " in run.output(), [run.process], seconds=240)
    for process in run.processes():
        # A terminal sends it to all of its foreground group.
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == os.getpgid(run.process.pid):
                process.send_signal(signal.SIGINT)
    assert run.process.wait(60) == 0
    assert run.output().endswith("stopped\n")
    assert run.processes() == []


def test_a_taken_port_is_said_plainly(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port(0)))
        taken.listen()
        port = taken.getsockname()[1]
        run = start("--airflow-port", str(port))
        assert run.process.wait(60) == 1
    assert f"--airflow-port: port {port} on 127.0.0.1 is taken; choose another, or 0 for any free one" in run.output()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"customer,gender,merchant,category\n", "line 1: no column amount in the header"),
        (b"\x1f\x8b\x08\x00", "line 1: the header is not CSV text in UTF-8"),
    ],
)
def test_a_wrong_file_is_said_before_anything_is_started(
    start: Start, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    run = start("--source", str(tmp_path / "mine.csv"))
    assert run.process.wait(60) == 1
    assert said in run.output()
    assert "starting" not in run.output()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--importance", "w.csv"),
            "--importance is for the customers and merchants of --source: give both, or neither",
        ),
        (("--chunk-size", "0"), "argument --chunk-size: '0' is no whole number of at least 1"),
        (("--grow", "0"), "argument --grow: '0' is no whole number of at least 1"),
    ],
)
def test_a_wrong_command_line_is_said(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert said in capsys.readouterr().err


def test_an_unknown_threshold_is_said_before_anything_is_started(start: Start) -> None:
    run = start("--threshold", "child=1")
    assert run.process.wait(60) == 1
    assert "--threshold child=1: unknown; there are upgrade_merchant_transactions" in run.output()
