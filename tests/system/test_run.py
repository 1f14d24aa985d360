"""`make run`: the whole system on one machine, and no process left when it ends."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.run import main
from tests.harness.pipeline import ROOT, wait_until
from tests.integration.local.marked import MARK, marked_processes
from tests.integration.local.test_environment import HOSTILE

FailedRun = Callable[..., str]
_ANY_PORTS = ("--airflow-port", "0", "--databricks-port", "0", "--s3-port", "0")


class Run:
    """A running `make run`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.directory = directory / "run"
        self._output = directory / "output"
        command = [sys.executable, "-m", "local.environment", sys.executable, "-m", "local.run", "--rows", "30000"]
        command += ["--directory", str(self.directory), *_ANY_PORTS]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **HOSTILE, MARK: self.mark},
                process_group=0,
                # As from a terminal: background processes inherit that SIGINT is ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def output(self) -> str:
        return self._output.read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Return a function that starts a run, which ends with the test at the latest."""
    with ExitStack() as started:

        def start(*arguments: str) -> Run:
            run = Run(tmp_path, *arguments)
            started.callback(run.process.wait, 60)
            started.callback(run.process.terminate)
            return run

        yield start


@pytest.mark.processes
@pytest.mark.slow
def test_the_sample_is_processed_and_no_process_is_left(start: Callable[..., Run]) -> None:
    """In an environment with proxies, and settings of another Spark, Airflow, AWS and Java."""
    run = start("--once", "--grow", "10000")
    assert run.process.wait(300) == 0, run.output()
    assert re.search(r"transactions +│ +30,000 ", run.output())
    assert (run.directory / "lake" / "offset.csv").exists()
    assert (run.directory / "lake" / "state" / "pairs" / "_delta_log").exists()
    assert marked_processes(run.mark) == []
    # The file began to grow when the pipeline was up.
    assert "committed         0 of 0 " in run.output()
    assert exposed(run.directory) == []


def exposed(directory: Path) -> list[str]:
    """Return the files and folders that other users of the machine may read."""
    return [str(path) for path in (directory, *directory.rglob("*")) if not path.is_symlink()
            and stat.S_IMODE(path.stat().st_mode) & 0o077]  # fmt: skip


@pytest.mark.processes
def test_ctrl_c_ends_it_while_it_starts(start: Callable[..., Run]) -> None:
    """A terminal sends SIGINT to all processes of its foreground group."""
    run = start("--no-once")
    wait_until((run.directory / "databricks" / "databricks.log").exists, [run.process])
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.wait(60) == 0
    assert run.output().endswith("stopped\n")
    assert marked_processes(run.mark) == []


@pytest.fixture
def failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[FailedRun]:
    """Return a function that runs `main` in this process and returns the output of its failure."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["run", "--directory", str(tmp_path / "run"), *_ANY_PORTS, *arguments])
        assert main() == 1
        output = capsys.readouterr().out
        assert "starting" not in output
        return output

    handler = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, handler)


def test_a_taken_port_is_reported_before_anything_is_started(failed_run: FailedRun) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = failed_run("--airflow-port", str(port))
    assert f"--airflow-port: port {port} on 127.0.0.1 is taken; choose another, or 0 for any free one" in output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"customer,gender,merchant,category\n", "line 1: no column amount in the header"),
        (b"\x1f\x8b\x08\x00", "line 1: the header is not CSV text in UTF-8"),
    ],
)
def test_an_invalid_file_is_reported_before_anything_is_started(
    failed_run: FailedRun, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    assert message in failed_run("--source", str(tmp_path / "mine.csv"))


def test_an_unknown_threshold_is_reported_before_anything_is_started(failed_run: FailedRun) -> None:
    message = "--threshold child=1: unknown; the thresholds are upgrade_merchant_transactions"
    assert message in failed_run("--threshold", "child=1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--importance", "w.csv"),
            "--importance is for the customers and merchants of --source: give both, or neither",
        ),
        (("--chunk-size", "0"), "argument --chunk-size: '0' is not a whole number of at least 1"),
        (("--grow", "0"), "argument --grow: '0' is not a whole number of at least 1"),
    ],
)
def test_an_invalid_command_line_is_reported(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert message in capsys.readouterr().err
