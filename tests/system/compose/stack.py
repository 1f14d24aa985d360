"""The stack in containers from the outside: `docker compose`, Airflow's REST API, S3."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from local.airflow_settings import USER
from local.bucket import BUCKET, SOURCE_KEY
from local.lake_view import LakeView
from local.progress import Status
from local.s3 import S3Address
from local.stack import Ports
from spark_jobs.lake.layout import LANDING_ZONE
from tests.harness.pipeline import ROOT, Pipeline, wait_until

# Long-running services; the others exit.
SERVICES = (
    "postgres",
    "s3",
    "databricks",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
)
# Generous: on a busy machine the detector may need a second start.
_TIMEOUT_SECONDS = 480


class Containers:
    """A `docker compose` project."""

    def __init__(self, project: str, settings: dict[str, str]) -> None:
        self._project = project
        self._environment = {**os.environ, **settings}

    def compose(self, *arguments: str) -> str:
        """Run a `docker compose` command; return its output."""
        return self._run(["docker", "compose", "--project-name", self._project, *arguments])

    def up(self) -> None:
        """Start all services that are not running, and wait until they are healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", str(_TIMEOUT_SECONDS))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('logs', '--no-color', '--tail', '8')}") from None

    def inspect(self, service: str) -> dict[str, Any]:
        """Return Docker's description of a service's container."""
        found: list[dict[str, Any]] = json.loads(self._run(["docker", "inspect", f"{self._project}-{service}-1"]))
        return found[0]

    def kill(self, service: str) -> None:
        """Kill a service's main process from the host, and wait until Docker has restarted it.

        `docker kill` would count as a deliberate stop, after which Docker does not restart it.
        """
        state = self.inspect(service)["State"]
        command = ["docker", "run", "--rm", "--pid=host", "--user=root", "--network=none", "transaction-patterns/s3"]
        self._run([*command, "sh", "-c", f"kill -9 {state['Pid']}"])
        wait_for(lambda: self.inspect(service)["State"]["StartedAt"] != state["StartedAt"])
        self.await_health(service)

    def await_health(self, service: str) -> None:
        wait_for(lambda: self.inspect(service)["State"]["Health"]["Status"] == "healthy")

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout


class MasterFile:
    """The master file in S3: the stack's own sample, to which rows of a second sample are appended."""

    def __init__(self, s3: S3Address, more: Path) -> None:
        self._client = s3.client()
        self._content = bytes(self._client.get_object(Bucket=BUCKET, Key=SOURCE_KEY)["Body"].read())
        _, *lines = more.read_bytes().splitlines(keepends=True)
        self._more = iter(lines)
        self.rows = self._content.count(b"\n") - 1

    def append(self, rows: int) -> None:
        """Replace the object with a longer one, as the producer of the file does."""
        self._content += b"".join(islice(self._more, rows))
        self.rows += rows
        assert self._content.count(b"\n") == self.rows + 1
        self._client.put_object(Bucket=BUCKET, Key=SOURCE_KEY, Body=self._content)


@dataclass
class Stack:
    """The running stack.

    Attributes:
        pipeline: for reading the lake.
    """

    containers: Containers
    ports: Ports
    s3: S3Address
    source: MasterFile
    pipeline: Pipeline

    def __post_init__(self) -> None:
        self._view = LakeView(self.s3)
        self.secrets = self.readable_secrets("airflow-api-server")
        self.password = self.secrets["airflow_password"]

    def readable_secrets(self, service: str) -> dict[str, str]:
        """Return the secrets that a service can read, by name."""
        command = 'for file in /secrets/*; do echo "$(basename $file) $(cat $file)"; done'
        lines = self.containers.compose("exec", "-T", service, "sh", "-c", command).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    @property
    def airflow_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.airflow}"

    def log_in(self, password: str) -> httpx.Response:
        """Request a token from Airflow; return its response."""
        return httpx.post(f"{self.airflow_url}/auth/token", json={"username": USER, "password": password}, timeout=30)

    def airflow(self, method: str, path: str, **body: Any) -> Any:
        """Call Airflow's REST API as the user."""
        token = self.log_in(self.password).raise_for_status().json()["access_token"]
        url, headers = f"{self.airflow_url}/api/v2{path}", {"Authorization": f"Bearer {token}"}
        return httpx.request(method, url, headers=headers, json=body or None, timeout=30).raise_for_status().json()

    def status(self) -> Status:
        return self._view.status(self.source.rows, 1.0)

    def await_commit(self) -> None:
        """Wait until the whole master file is committed."""
        wait_for(lambda: self.status().committed_line == self.source.rows)

    def assert_lines_are_landed_once_each_in_order(self) -> None:
        lines: list[int] = []
        for key in self.pipeline.keys(f"{LANDING_ZONE}/"):
            lines += [int(row.split(b",", 1)[0]) for row in self.pipeline.read(key).splitlines()[1:]]
        assert lines == list(range(self.source.rows))


def wait_for(condition: Callable[[], object]) -> None:
    """Wait for a condition, polling slowly enough to leave the cores to the containers."""
    wait_until(lambda: bool(condition()), seconds=_TIMEOUT_SECONDS, between=0.3)
