"""A process that pays for imports once and then runs one command after another.

Importing Airflow takes 6 s and starting Spark's JVM 12 s. To avoid both, tests send commands to a warm process, which
runs them itself, or in a fork that may be killed.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local import processes

KILLED = -signal.SIGKILL
_SECONDS = 180


@dataclass(frozen=True)
class Command:
    """A function to run as if it were a program.

    Attributes:
        function: `module:name`; called with `arguments`, it returns the exit code or raises SystemExit.
        environment: variables on top of the process's own, for this command only.
        log: takes stdout and stderr.
        fork: run it in a fork, which may be killed.
    """

    function: str
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    log: str = os.devnull
    fork: bool = False


@dataclass(frozen=True)
class Ended:
    """The result of a command: its exit code, negative if a signal ended it, and its output."""

    code: int
    log: str

    @property
    def commits(self) -> list[dict[str, Any]]:
        """The log events of the micro-batches that a detector committed."""
        return [json.loads(line) for line in self.log.splitlines() if '"batch committed"' in line]


class WarmProcess:
    """Runs commands, one at a time."""

    def __init__(
        self, directory: Path, preload: Sequence[str], environment: Mapping[str, str], python: str = sys.executable
    ) -> None:
        self._default_log = directory / "command.log"
        self._forked = threading.Event()
        self._pid = 0
        with (directory / "warm.log").open("ab") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "tests.harness.warm", *preload],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                # SIGTERM would only end the detector that it may be running.
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The warm process itself; a forked command is its child."""
        return self._process.pid

    def run(
        self,
        function: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        fork: bool = False,
        seconds: float = _SECONDS,
    ) -> Ended:
        """Run a command; kill it and fail the test if it takes longer than `seconds`.

        Args:
            log: a file to append the output to; without one, only the result has it.
        """
        assert self._process.stdin
        assert self._process.stdout
        if log is None:
            log = self._default_log
            log.write_bytes(b"")
        command = Command(function, list(arguments), dict(environment or {}), str(log), fork)
        self._forked.clear()
        self._process.stdin.write(json.dumps(asdict(command)).encode() + b"\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline() or 0) or self.pid
        self._forked.set()
        late = threading.Timer(seconds, self.kill)
        late.start()
        code = int(self._process.stdout.readline() or KILLED)
        in_time = late.is_alive()
        late.cancel()
        output = log.read_text(errors="replace")
        assert in_time, f"{function} took more than {seconds} s:\n{output[-3000:]}"
        return Ended(code, output)

    def tail(self, size: int = 4096) -> str:
        """Return the last `size` bytes of the output of the running or last command."""
        with self._default_log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """Kill the running command; may be called from any thread after `run`."""
        self._forked.wait()
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self) -> None:
        """Kill the process and its command: a detector has left a handler of SIGTERM that ends nothing else."""
        processes.kill_session(self._process)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


@contextmanager
def warm_process(
    preload: Sequence[str], environment: Mapping[str, str], python: str = sys.executable
) -> Iterator[WarmProcess]:
    """Start a warm process with the modules in `preload` imported and variables added to the environment."""
    with tempfile.TemporaryDirectory(prefix="warm-") as name:
        warm = WarmProcess(Path(name), preload, environment, python)
        try:
            yield warm
        finally:
            warm.stop()


def _die_with_parent() -> None:
    processes.end_with_parent(signal.SIGKILL)


def _serve() -> None:
    """Answer each line of stdin, a `Command` in JSON, with two lines: first the process id, then the exit code."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        command = Command(**json.loads(line))
        pid = os.fork() if command.fork else os.getpid()
        if pid == 0:
            _die_with_parent()
            os._exit(_run(command))
        print(pid, file=answers, flush=True)
        if command.fork:
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
        else:
            code = _run(command)
        print(code, file=answers, flush=True)


def _run(command: Command) -> int:
    """Run a command with its output in its log; return its exit code."""
    before = dict(os.environ)
    log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.update(command.environment)
    module, _, name = command.function.partition(":")
    function: Callable[[list[str]], int | None] = getattr(importlib.import_module(module), name)
    try:
        return function(command.arguments) or 0
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - the next command must still run
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    for preloaded in sys.argv[1:]:
        importlib.import_module(preloaded)
    # Leave Ctrl-C to the tests, which then stop this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve()
