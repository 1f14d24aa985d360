"""No process of the torture tests outlives them, even if they are killed at once."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.harness.pipeline import ROOT, wait_until
from tests.harness.warm import warm_process
from tests.integration.local.marked import MARK, marked_processes
from tests.system.torture.survived import Survived

_TORTURE = """
import sys
from local import processes
from tests.system.torture.long_form import run_on_all_cores
from tests.system.torture.test_killed import hanging

if __name__ == "__main__":
    sys.exit(processes.run_guarded(lambda: len(run_on_all_cores(hanging, 7))))
"""


def hang(_arguments: Sequence[str]) -> int:
    """Stand in for a job that does not end soon after SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
    return 0


def hanging(part: int, parts: int, seed: int) -> list[Survived]:  # noqa: ARG001 - the interface of parts
    with warm_process([], {}) as warm:
        warm.run(f"{__name__}:hang", [], fork=True)
    return []


@pytest.mark.slow
@pytest.mark.parametrize("which", ["outer", "inner"])
def test_no_job_is_left_when_the_torture_tests_are_killed(which: str) -> None:
    mark = uuid.uuid4().hex
    outer = subprocess.Popen([sys.executable, "-c", _TORTURE], cwd=ROOT, env={**os.environ, MARK: mark})

    def jobs() -> list[psutil.Process]:
        """Return the forks of the warm processes."""
        return [process for process in marked_processes(mark) if signal.SIGTERM in _ignored(process)]

    wait_until(lambda: len(jobs()) == (os.cpu_count() or 1), [outer])
    [inner] = psutil.Process(outer.pid).children()
    os.kill(outer.pid if which == "outer" else inner.pid, signal.SIGKILL)
    outer.wait(60)
    wait_until(lambda: marked_processes(mark) == [])


def _ignored(process: psutil.Process) -> set[int]:
    """Return the signals that a process ignores."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return set()
    [line] = [line for line in status.splitlines() if line.startswith("SigIgn")]
    bits = int(line.split()[1], 16)
    return {number for number in range(1, 64) if bits >> (number - 1) & 1}
