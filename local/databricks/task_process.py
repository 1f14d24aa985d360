"""Main function of a task's process."""

import importlib.metadata
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TaskProcess:
    """Instructions for a task's process.

    Attributes:
        package, entry_point: of an installed wheel, else empty.
        python_file: a script, else empty.
        log: file for its output.
        failure: file for the error it failed with, as JSON with `error` and `error_trace`.
        runtime_python: run an entry point in a cell of this interpreter's ipykernel; empty: in this process.
    """

    package: str
    entry_point: str
    python_file: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    failure: Path
    runtime_python: str = ""


def run_task(task: TaskProcess) -> None:
    """Run a task in a process group of its own; exit with 0 if it succeeds.

    As on Databricks, the value that an entry point returns is ignored, and `SystemExit` is a failure whatever its code,
    because entry points run in a notebook's kernel. A script fails only if its exit code is not 0.
    """
    # Lets all of its processes be signalled together.
    os.setsid()
    _end_with_server()
    with task.log.open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    # The log is shown while it grows.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(task.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if task.runtime_python and task.entry_point:
        raise SystemExit(_run_in_kernel(task))
    try:
        _run(task)
    except SystemExit as error:
        if error.code in (None, 0) and task.python_file:
            return
        _report(task.failure, f"SystemExit: {error.code}", traceback.format_exc())
        raise SystemExit(error.code or 1) from error
    except BaseException as error:
        trace = traceback.format_exc()
        print(trace, file=sys.stderr, flush=True)
        _report(task.failure, f"{type(error).__name__}: {error}", trace)
        raise SystemExit(1) from error


def _run(task: TaskProcess) -> None:
    if task.python_file:
        sys.argv = [task.python_file, *task.arguments]
        runpy.run_path(task.python_file, run_name="__main__")
        return
    sys.argv = [task.entry_point, *task.arguments]
    entry_points = importlib.metadata.distribution(task.package).entry_points
    found = [entry_point for entry_point in entry_points if entry_point.name == task.entry_point]
    if not found:
        names = ", ".join(sorted(entry_point.name for entry_point in entry_points)) or "none"
        msg = f"package {task.package} has no entry point {task.entry_point!r}; it has {names}"
        raise LookupError(msg)
    found[0].load()()


def _run_in_kernel(task: TaskProcess) -> int:
    # Every process of the group gets SIGTERM; this one waits for the kernel, which stops the entry point.
    signal.signal(signal.SIGTERM, lambda *_: None)
    command = [task.runtime_python, str(Path(__file__).with_name("kernel_cell.py")), str(task.failure)]
    command += [task.package, task.entry_point, *task.arguments]
    return subprocess.run(command, check=False).returncode


def _report(path: Path, error: str, trace: str) -> None:
    path.write_text(json.dumps({"error": error, "error_trace": trace}))


def _end_with_server() -> None:
    """Kill the whole group when the server ends, however it ends."""
    server = multiprocessing.parent_process()
    assert server, "task processes are started by the server"

    def watch() -> None:
        # Watching the parent's id would not do: that is the fork server, which outlives the server with us.
        server.join()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="end-with-server").start()
