"""Task processes that end as soon as they start: no exit code is lost."""

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from local.databricks.launcher import Launcher, is_running, stop_group
from local.databricks.task_process import TaskProcess

_PROCESSES = 40


def task(directory: Path, number: int) -> TaskProcess:
    return TaskProcess(
        package="",
        entry_point="",
        python_file=os.devnull,
        arguments=(),
        environment=dict(os.environ),
        log=directory / f"{number}.log",
        failure=directory / f"{number}.json",
    )


def test_every_exit_is_reported_once_with_its_exit_code(tmp_path: Path) -> None:
    ended: list[tuple[int, int]] = []
    all_ended = threading.Event()

    def on_exit(number: int, exit_code: int) -> None:
        ended.append((number, exit_code))
        if len(ended) == _PROCESSES:
            all_ended.set()

    launcher = Launcher(on_exit)
    launcher.warm_up()
    for number in range(_PROCESSES):
        launcher.start(number, task(tmp_path, number))
    assert all_ended.wait(timeout=60)
    assert sorted(ended) == [(number, 0) for number in range(_PROCESSES)]


def test_a_process_that_ends_before_its_creation_time_is_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(process_id: int) -> psutil.Process:
        raise psutil.NoSuchProcess(process_id)

    ended = threading.Event()
    launcher = Launcher(lambda _number, _exit_code: ended.set())
    launcher.warm_up()
    with monkeypatch.context() as patched:
        patched.setattr(psutil, "Process", gone)
        identity = launcher.start(1, task(tmp_path, 1))
    assert ended.wait(timeout=60)
    assert not is_running(identity)
    stop_group(identity, signal.SIGTERM)


def test_a_process_is_recognised_after_the_system_clock_was_set() -> None:
    process = psutil.Process()
    assert is_running([process.pid, process.create_time() + 1])
    assert not is_running([process.pid, process.create_time() + 3600])
