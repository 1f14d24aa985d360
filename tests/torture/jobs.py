"""The jobs as processes that can be killed at any operation."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local import processes
from tests.torture.job_process import JobRequest

KILLED = -signal.SIGKILL
_SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code, negative where a signal ended it, and what it said."""

    code: int
    log: str

    @property
    def commits(self) -> list[dict[str, Any]]:
        """What a detector has logged of each micro-batch that it committed."""
        return [json.loads(line) for line in self.log.splitlines() if '"batch committed"' in line]


class Jobs:
    """Runs jobs, one at a time."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._environment = environment
        self._log = directory / "job.log"
        self._started = threading.Event()
        self._pid = 0
        with (directory / "job_process.log").open("ab") as errors:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.job_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process whose child is the job that runs."""
        return self._server.pid

    def run(self, request: JobRequest, seconds: float = _SECONDS) -> Ended:
        """Run a job to its end, or until `kill`; one that takes too long is killed, which fails."""
        assert self._server.stdin
        assert self._server.stdout
        self._log.write_bytes(b"")
        whole = replace(request, environment=self._environment | request.environment, log=str(self._log))
        self._started.clear()
        self._server.stdin.write(f"{whole.to_line()}\n".encode())
        self._server.stdin.flush()
        self._pid = int(self._server.stdout.readline())
        self._started.set()
        late = threading.Timer(seconds, self.kill)
        late.start()
        code = int(self._server.stdout.readline())
        in_time = late.is_alive()
        late.cancel()
        said = self._log.read_text(errors="replace")
        assert in_time, f"{request.job} took more than {seconds} s:\n{said[-3000:]}"
        return Ended(code, said)

    def said_last(self, size: int = 4096) -> str:
        """Return the last bytes of what the job that runs, or the last one that ran, has said."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """Kill the job that runs; may be called from any thread, as soon as it was asked for."""
        self._started.wait()
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self) -> None:
        """End the process that runs the jobs, and the one that runs."""
        processes.stop(self._server)


@contextmanager
def job_processes(environment: dict[str, str]) -> Iterator[Jobs]:
    """Start what runs the jobs, with these variables."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        jobs = Jobs(Path(name), environment)
        try:
            yield jobs
        finally:
            jobs.stop()
