"""Task processes: forked from a server that has pandas loaded, and signalled as process groups."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess

import psutil

from local.databricks.task_process import TaskProcess, run_task

# A process's creation time shifts when the system clock is set.
_CLOCK_SECONDS = 60


class Launcher:
    """Starts processes and reports their end.

    Args:
        on_exit: called with the attempt's id and the exit code (negative: a signal), from a thread of its own.
    """

    def __init__(self, on_exit: Callable[[int, int], None]) -> None:
        self._on_exit = on_exit
        self._context = multiprocessing.get_context("forkserver")
        # With the chunker, and so with pandas, a run of it starts at once.
        self._context.set_forkserver_preload(["local.databricks.task_process", "spark_jobs.chunker.cli"])
        # Starting a process also polls all others, and two concurrent polls of one process would lose its exit code.
        self._polling = threading.Lock()

    def warm_up(self) -> None:
        """Start the fork server, so that the first run need not wait for its imports."""
        process = self._context.Process(target=int)
        process.start()
        process.join()

    def start(self, attempt: int, task: TaskProcess) -> list[float]:
        """Start a task; return its process id and creation time."""
        process = self._context.Process(target=run_task, args=(task,), name=f"run-{attempt}")
        with self._polling:
            process.start()
        assert process.pid is not None
        identity = [process.pid, _creation_time(process.pid)]
        threading.Thread(target=self._wait, args=(attempt, process), daemon=True, name=f"wait-{attempt}").start()
        return identity

    def _wait(self, attempt: int, process: ForkServerProcess) -> None:
        connection.wait([process.sentinel])
        with self._polling:
            process.join()
        assert process.pid is not None
        assert process.exitcode is not None
        # Children that are left in its group end with it.
        _signal_group(process.pid, signal.SIGKILL)
        self._on_exit(attempt, process.exitcode)


def stop_group(identity: list[float], number: signal.Signals) -> None:
    """Send a signal to all processes of a task, if its process is still the one that was started."""
    if is_running(identity) and not _signal_group(int(identity[0]), number):
        # It was forked just now and has no group of its own yet, or it has ended.
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(identity[0]), number)


def is_running(identity: list[float]) -> bool:
    """Return whether the process with this id and creation time is running."""
    try:
        process = psutil.Process(int(identity[0]))
        same = abs(process.create_time() - identity[1]) < _CLOCK_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _creation_time(process_id: int) -> float:
    """Return when a process was created, 0 if it has already ended."""
    try:
        return float(psutil.Process(process_id).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
