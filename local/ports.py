"""Ports on loopback: finding a free one, and waiting for a server."""

import socket
import subprocess
import time
from pathlib import Path

_START_SECONDS = 60


def free_port(port: int) -> int:
    """Return the port if it is free, or any free port for 0.

    Raises:
        OSError: the port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            msg = f"port {port} on 127.0.0.1 is taken; choose another, or 0 for any free one"
            raise OSError(msg) from error
        return int(probe.getsockname()[1])


def await_answer(process: "subprocess.Popen[bytes]", port: int, name: str, log: Path) -> None:
    """Wait until a new process accepts connections.

    Raises:
        RuntimeError: the process ended, or did not start in time; the message names its log.
    """
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    msg = f"{name} did not start; see {log}"
    raise RuntimeError(msg)
