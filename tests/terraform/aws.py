"""A local AWS for a test session, and clients of it as whoever one is."""

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
# Moto counts what it lets pass before it begins to check.
_EVERYTHING = 10**9


@dataclass(frozen=True)
class Aws:
    """A running local AWS; who has not taken a role is its administrator."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return self.credentials("administrator", "administrator")

    def credentials(self, key: str, secret: str, token: str | None = None) -> dict[str, str]:
        """Return the `AWS_*` variables that lead every client here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **({"AWS_SESSION_TOKEN": token} if token else {}),
        }

    def client(self, service: str, environment: Mapping[str, str] | None = None) -> Any:
        who = environment or self.environment
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=who.get("AWS_SESSION_TOKEN"),
        )

    def assume(self, role_arn: str) -> dict[str, str]:
        """Return the variables of one who has taken a role; not while requests are checked."""
        taken = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return self.credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Check every request under the policies of who sends it."""
        self._let_pass(0)
        try:
            yield
        finally:
            self._let_pass(_EVERYTHING)

    def _let_pass(self, requests: int) -> None:
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content=str(requests)).raise_for_status()


@contextmanager
def local_aws(log: Path) -> Iterator[Aws]:
    """Run a local AWS."""
    port = free_port(0)
    command = [sys.executable, "-m", "tests.terraform.aws_server", str(port)]
    process = processes.start(command, log, {"AWS_REGION": REGION})
    try:
        await_answer(process, port, "the local AWS", log)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        processes.stop(process)
