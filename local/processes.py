"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own, with its output appended to `log`; it gets SIGTERM if its parent dies.

    Args:
        environment: environment variables to add to those of this process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out, _signals_deferred():
        return subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Call the handlers of SIGINT and SIGTERM after this block.

    Python drops what a handler raises while the hooks of `os.register_at_fork` run, so a Ctrl-C would be lost.
    """
    if threading.current_thread() is not threading.main_thread():
        # Handlers run in the main thread only.
        yield
        return
    received = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    deferred = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in deferred:
        signal.signal(number, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        for number, handler in deferred.items():
            signal.signal(number, handler)
    for number, frame in received:
        deferred[signal.Signals(number)](number, frame)


def stop(process: "subprocess.Popen[bytes]", seconds: float = 10) -> int:
    """Stop a process and its session: SIGTERM, and SIGKILL after some seconds; return its exit code."""
    stop_all([process], seconds)
    return process.wait()


def stop_all(running: "Iterable[subprocess.Popen[bytes]]", seconds: float = 10) -> None:
    """Stop several processes and their sessions at the same time."""
    found = list(running)
    for process in found:
        process.terminate()
    psutil.wait_procs(found, seconds)
    for process in found:
        kill_session(process)
        process.wait()


def kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill all processes of the session that a process was started in."""
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def run_guarded(main: Callable[[], int], grace_seconds: float = 10) -> int:
    """Run `main` in a child process; return its exit code once it and all its descendants have ended.

    This process adopts the descendants that the child leaves behind, and stops them. If this process is killed, the
    child gets SIGTERM and must stop its own children. On systems other than Linux `main` runs in this process.

    Args:
        grace_seconds: from SIGTERM to SIGKILL of adopted processes.
    """
    if sys.platform != "linux":
        return main()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        end_with_parent()
        os._exit(_exit_code(main))
    # A terminal sends SIGINT to both processes; the child handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        # Also reaps adopted processes.
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            break
    _stop_orphans(psutil.Process().children(recursive=True), grace_seconds)
    return os.waitstatus_to_exitcode(status)


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process a signal when its parent ends, however that ends; on Linux only.

    Processes that are forked from this one do not inherit it.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, number)


def _exit_code(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - the child must not return into its parent's code
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _stop_orphans(orphans: list[psutil.Process], grace_seconds: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in orphans:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, orphans = psutil.wait_procs(orphans, grace_seconds)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)
