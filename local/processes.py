"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LAST_WORDS_SECONDS = 10


def start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process of its own session, its output in `log`; it is told to end when its parent dies."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=with_environment(environment),
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )


def with_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables with these on top."""
    return {**os.environ, **environment}


def stop(process: "subprocess.Popen[bytes]", seconds: float = 10) -> int:
    """End a process and all that it started: SIGTERM, then SIGKILL; return its exit code."""
    stop_all([process], seconds)
    return process.wait()


def stop_all(running: "Iterable[subprocess.Popen[bytes]]", seconds: float = 10) -> None:
    """End several processes side by side, each as `stop` does."""
    found = list(running)
    for process in found:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + seconds
    for process in found:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
        kill_session(process)
        process.wait()


def kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of a process and all that it started, in whatever group: the session is its own."""
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def run_guarded(main: Callable[[], int]) -> int:
    """Run `main` in a child process; return its exit code when nothing of it is left, however it ended.

    This process adopts whatever the child leaves behind, and ends it. When this process itself is killed the child is
    told to end (SIGTERM), and ends its own children. Elsewhere than on Linux `main` runs in this very process.
    """
    if sys.platform != "linux":
        return main()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        _end_with_parent()
        os._exit(_exit_code(main))
    # A terminal sends Ctrl-C to both; it is the child's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        # Of adopted processes nobody else waits for the end.
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            break
    _end_all(psutil.Process().children(recursive=True))
    return os.waitstatus_to_exitcode(status)


def _exit_code(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - the child must end here, not in its parent's code
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _end_all(orphans: list[psutil.Process]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in orphans:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, orphans = psutil.wait_procs(orphans, _LAST_WORDS_SECONDS)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)
