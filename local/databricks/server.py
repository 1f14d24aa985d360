"""A local Databricks in a process of its own, for whoever needs one."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import processes
from local.ports import await_answer, free_port

_STOP_SECONDS = 20


@dataclass(frozen=True)
class LocalDatabricks:
    """A running local Databricks.

    Attributes:
        host: its address.
        token: what clients send.
        process: its process, for whoever wants to end it.
    """

    host: str
    token: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def local_databricks(
    directory: Path,
    environment: Mapping[str, str],
    *,
    port: int = 0,
    token: str | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[LocalDatabricks]:
    """Run a local Databricks; port 0 takes a free one.

    Args:
        directory: keeps its jobs, runs and logs; another start goes on from there.
        environment: variables for the processes of its tasks.
        token: what clients send; a new one where none is given.
        arguments: further ones of its command line.

    Raises:
        OSError: the port is taken.
        RuntimeError: it did not start; the message names its log.
    """
    port = free_port(port)
    token = token or secrets.token_hex(16)
    log = directory / "databricks.log"
    command = [sys.executable, "-m", "local.databricks", "--port", str(port), "--directory", str(directory), *arguments]
    process = processes.start(command, log, {**environment, "LOCAL_DATABRICKS_TOKEN": token})
    try:
        await_answer(process, port, "the local Databricks", log)
        yield LocalDatabricks(f"http://127.0.0.1:{port}", token, process)
    finally:
        processes.stop(process, _STOP_SECONDS)
