"""A local AWS for a test session, and its clients under different identities."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

from local import processes
from local.ports import await_answer, free_port

REGION = "eu-central-1"
# Moto allows this many requests before it starts to check policies.
_EVERYTHING = 10**9


@dataclass(frozen=True)
class Aws:
    """A running local AWS; its default identity is an administrator."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return self.credentials("administrator", "administrator")

    def credentials(self, key: str, secret: str, token: str | None = None) -> dict[str, str]:
        """Return the `AWS_*` variables that point any client at this AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **({"AWS_SESSION_TOKEN": token} if token else {}),
        }

    def client(self, service: str, environment: Mapping[str, str] | None = None) -> Any:
        identity = environment or self.environment
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=identity["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=identity["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=identity.get("AWS_SESSION_TOKEN"),
        )

    def assume(self, role_arn: str) -> dict[str, str]:
        """Return the `AWS_*` variables of an assumed role; call this outside `enforcing`."""
        assumed = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return self.credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Enforce the policies of each request's sender."""
        self._allow_unchecked(0)
        try:
            yield
        finally:
            self._allow_unchecked(_EVERYTHING)

    def _allow_unchecked(self, requests: int) -> None:
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content=str(requests)).raise_for_status()


@contextmanager
def local_aws(log: Path) -> Iterator[Aws]:
    port = free_port(0)
    command = [sys.executable, "-m", "tests.integration.terraform.aws_server", str(port)]
    process = processes.start(command, log, {"AWS_REGION": REGION})
    try:
        await_answer(process, port, "the local AWS", log)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        processes.stop(process)
