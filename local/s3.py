"""A local S3: moto's server on loopback, with random keys. Its objects are lost when it ends."""

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


def s3_environment(endpoint: str, access_key: str, secret_key: str) -> dict[str, str]:
    """Return the `AWS_*` variables that point every client to an S3."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@dataclass(frozen=True)
class S3Address:
    """Address and credentials of an S3.

    Attributes:
        endpoint: URL.
        environment: the `AWS_*` variables that point every client to it.
    """

    endpoint: str
    environment: dict[str, str]

    def client(self) -> "boto3.client":
        """Return a client."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
            config=Config(retries={"total_max_attempts": 3}),
        )


@dataclass(frozen=True)
class LocalS3(S3Address):
    """A running local S3.

    Attributes:
        process: process id of the server.
    """

    process: int


@contextmanager
def local_s3(log: Path, port: int = 0, buckets: tuple[str, ...] = ()) -> Iterator[LocalS3]:
    """Run a local S3 with empty buckets; port 0 picks a free port.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start; the message names its log.
    """
    port = free_port(port)
    endpoint = f"http://127.0.0.1:{port}"
    access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
    # On the command line they would be visible to every user of the machine. moto's own server would otherwise let the
    # pages of any origin read its responses.
    environment = {
        "LOCAL_S3_ACCESS_KEY": access_key,
        "LOCAL_S3_SECRET_KEY": secret_key,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
    }
    command = [sys.executable, "-m", "local.s3_server", "127.0.0.1", str(port)]
    process = processes.start(command, log, environment)
    try:
        await_answer(process, port, "the local S3", log)
        s3 = LocalS3(endpoint, s3_environment(endpoint, access_key, secret_key), process.pid)
        for bucket in buckets:
            s3.client().create_bucket(Bucket=bucket)
        yield s3
    finally:
        processes.stop(process)
