"""A local Databricks in a process of its own."""

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
        host: URL of the server.
        token: for its clients.
        process: the server's process.
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
        """Stop the server if it is running, and start it again at the same address; jobs and runs are recovered.

        Args:
            arguments: extra command-line arguments that replace the earlier ones.

        Raises:
            RuntimeError: the server did not start; the message names its log.
        """
        processes.stop(self.process, _STOP_SECONDS)
        if arguments is not None:
            self._arguments = arguments
        self.process = self._start(self._arguments)
        self.await_answer()

    def await_answer(self) -> None:
        """Wait until the server accepts connections; raises the same errors as `restart`."""
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
    wait: bool = True,
) -> Iterator[LocalDatabricks]:
    """Run a local Databricks; port 0 picks a free port.

    Args:
        directory: for jobs, runs and logs; existing ones are loaded.
        environment: environment variables of its tasks.
        arguments: extra command-line arguments.
        wait: until it accepts connections; otherwise call `await_answer`.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start; the message names its log.
    """
    server = LocalDatabricks(directory, environment, free_port(port), arguments)
    try:
        if wait:
            server.await_answer()
        yield server
    finally:
        processes.stop(server.process, _STOP_SECONDS)
