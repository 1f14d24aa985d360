"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


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
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    kill_group(process)
    return process.wait()


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of a process and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
