"""A local S3: moto's server, on loopback. All that is in it ends with it."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from local import processes
from local.ports import await_answer, free_port


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
    port = free_port(port)
    command = [sys.executable, "-m", "local.s3_server", "127.0.0.1", str(port)]
    process = processes.start(command, log, {})
    try:
        await_answer(process, port, "the local S3", log)
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
