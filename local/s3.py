"""A local S3: moto's server, on loopback. All that is in it ends with it."""

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from local import processes

_START_SECONDS = 60


@dataclass(frozen=True)
class LocalS3:
    """A running local S3.

    Attributes:
        endpoint: its address.
        environment: the `AWS_*` variables that lead every client to it.
        process: its process id.
    """

    endpoint: str
    environment: dict[str, str]
    process: int

    def client(self) -> "boto3.client":
        """Return a client of it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
            config=Config(retries={"total_max_attempts": 3}),
        )


@contextmanager
def local_s3(log: Path, port: int = 0, buckets: tuple[str, ...] = ()) -> Iterator[LocalS3]:
    """Run a local S3 with some empty buckets; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start; the message names its log.
    """
    port = _free_port(port)
    command = [sys.executable, "-m", "local.s3_server", "127.0.0.1", str(port)]
    process = processes.start(command, log, {})
    try:
        _await_answer(process, port, log)
        s3 = LocalS3(f"http://127.0.0.1:{port}", _environment(port), process.pid)
        for bucket in buckets:
            s3.client().create_bucket(Bucket=bucket)
        yield s3
    finally:
        processes.stop(process)


def _environment(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": secrets.token_hex(10),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            msg = f"port {port} on 127.0.0.1 is taken; choose another with --port, or 0 for any free one"
            raise OSError(msg) from error
        return int(probe.getsockname()[1])


def _await_answer(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    msg = f"the local S3 did not start; see {log}"
    raise RuntimeError(msg)
