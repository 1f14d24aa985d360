"""No process outlives the one that started it, and no signal is lost."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from tests.harness.pipeline import ROOT, wait_until
from tests.integration.local.marked import MARK, marked_processes

# Like `make run`: a child in a session of its own has one child that ignores SIGTERM, and one in another session.
_GUARDED = """
import signal, subprocess, sys, time
from pathlib import Path
from local import processes

GRANDCHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
CHILD = f'''
import subprocess, sys, time
from pathlib import Path
from local import processes
subprocess.Popen([sys.executable, "-c", {GRANDCHILD!r}])
processes.start([sys.executable, "-c", "import time; time.sleep(600)"], Path({sys.argv[1]!r}), {{}})
print("started", flush=True)
time.sleep(600)
'''

def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = processes.start([sys.executable, "-c", CHILD], Path(sys.argv[1]), {})
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        return 3
    finally:
        processes.stop(child, 1)

sys.exit(processes.run_guarded(main, grace_seconds=1))
"""

# A Ctrl-C while Python's own hooks run beside a fork.
_INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from local import processes

# A background job of a shell ignores SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    processes.start([sys.executable, "-c", ""], Path(sys.argv[1]), {})
except KeyboardInterrupt:
    sys.exit(3)
"""


@pytest.mark.parametrize(
    ("which", "number", "exit_code"),
    [
        ("outer", signal.SIGKILL, -signal.SIGKILL),
        ("inner", signal.SIGKILL, 256 - signal.SIGKILL),
        ("outer", signal.SIGTERM, 3),
    ],
)
def test_no_process_is_left_when_a_guarded_one_is_killed(
    tmp_path: Path, which: str, number: signal.Signals, exit_code: int
) -> None:
    mark, log = uuid.uuid4().hex, tmp_path / "log"
    environment = {**os.environ, MARK: mark, "PYTHONPATH": str(ROOT)}
    outer = subprocess.Popen([sys.executable, "-c", _GUARDED, str(log)], env=environment)
    wait_until(lambda: log.exists() and "started" in log.read_text(), [outer])
    wait_until(lambda: len(marked_processes(mark)) == 5, [outer])
    [inner] = psutil.Process(outer.pid).children()
    os.kill(outer.pid if which == "outer" else inner.pid, number)
    assert outer.wait(30) == exit_code
    wait_until(lambda: marked_processes(mark) == [])


def test_a_signal_is_not_lost_while_a_process_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _INTERRUPTED, str(tmp_path / "log")]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode == 3
