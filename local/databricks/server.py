"""A local Databricks in a process of its own, for whoever needs one."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import processes
from local.ports import await_answer, free_port

_STOP_SECONDS = 20


class LocalDatabricks:
    """A running local Databricks.

    Attributes:
        host: its address.
        token: what clients send.
        process: its process, for whoever wants to end it.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], port: int, arguments: Sequence[str]) -> None:
        self.host = f"http://127.0.0.1:{port}"
        self.token = secrets.token_hex(16)
        self._directory = directory
        self._environment = {**environment, "LOCAL_DATABRICKS_TOKEN": self.token}
        self._port = port
        self.process = self._start(arguments)
        self._arguments = arguments

    def restart(self, arguments: Sequence[str] | None = None) -> None:
        """End it where it still runs, and start it again at the same place; jobs and runs are taken up.

        Args:
            arguments: further ones of its command line, where they are to change.

        Raises:
            RuntimeError: it did not start; the message names its log.
        """
        processes.stop(self.process, _STOP_SECONDS)
        if arguments is not None:
            self._arguments = arguments
        self.process = self._start(self._arguments)
        self.await_answer()

    def await_answer(self) -> None:
        """Wait until it takes requests; raises what `restart` does."""
        await_answer(self.process, self._port, "the local Databricks", self._log)

    @property
    def _log(self) -> Path:
        return self._directory / "databricks.log"

    def _start(self, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "local.databricks", "--port", str(self._port)]
        command += ["--directory", str(self._directory), *arguments]
        return processes.start(command, self._log, self._environment)


@contextmanager
def local_databricks(
    directory: Path,
    environment: Mapping[str, str],
    *,
    port: int = 0,
    arguments: Sequence[str] = (),
) -> Iterator[LocalDatabricks]:
    """Run a local Databricks; port 0 takes a free one.

    Args:
        directory: keeps its jobs, runs and logs; another start goes on from there.
        environment: variables for the processes of its tasks.
        arguments: further ones of its command line.

    Raises:
        OSError: the port is taken.
        RuntimeError: it did not start; the message names its log.
    """
    server = LocalDatabricks(directory, environment, free_port(port), arguments)
    try:
        server.await_answer()
        yield server
    finally:
        processes.stop(server.process, _STOP_SECONDS)
