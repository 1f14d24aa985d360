"""A local Airflow, each component a child process.

`airflow standalone` leaves its components behind when it is stopped.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local import processes
from local.airflow_database import create_database
from local.airflow_settings import USER, AirflowPlace, AirflowSecrets, airflow_settings, write_password
from local.ports import free_port

_START_SECONDS = 120
# Longer than SQLite's `busy_timeout`.
_REQUEST_SECONDS = 90
# Its components end in 2 to 15 s. Nothing is lost with them: a task that is killed is tried again.
_STOP_SECONDS = 2
# Each poll costs the api-server 10 ms while everything else is starting.
_SECONDS_BETWEEN_POLLS = 0.5
# The log servers of scheduler and triggerer are only needed by other machines.
_COMPONENTS = {
    "api-server": ("api-server", "--host", "127.0.0.1", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# Starting creates hundreds of thousands of objects that are never freed; searching them for garbage takes a fifth of
# the time.
_RUN_AIRFLOW = "import gc, runpy; gc.set_threshold(100_000, 50, 50); runpy.run_module('airflow', run_name='__main__')"


class ComponentsNotReadyError(RuntimeError):
    """Raised when Airflow is not healthy in time; the message names the component and its log."""


@dataclass
class LocalAirflow:
    """A running local Airflow.

    Attributes:
        url: of its UI and REST API.
        password: of the user `admin`.
        environment: for running its commands (`python -m airflow …`).
        logs: directory with one file per component.
        python: interpreter that has Airflow.
        components: processes by name.
    """

    url: str
    password: str
    environment: dict[str, str]
    logs: Path
    python: str = sys.executable
    components: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one component."""
        command = [self.python, "-c", _RUN_AIRFLOW, *_COMPONENTS[name]]
        if name == "api-server":
            command += ["--port", self.url.rpartition(":")[2]]
        self.components[name] = processes.start(command, self.logs / f"{name}.log", self.environment)

    def restart_ended(self) -> list[str]:
        """Restart components that have ended, as a service manager would; return their names."""
        ended = [name for name, process in self.components.items() if process.poll() is not None]
        for name in ended:
            processes.kill_session(self.components[name])
            self.start(name)
        return ended

    def stop(self) -> None:
        """Stop all components."""
        processes.stop_all(self.components.values(), _STOP_SECONDS)

    def await_health(self) -> None:
        """Wait until every component reports that it is healthy.

        Raises:
            ComponentsNotReadyError: one has ended, or was not healthy within two minutes.
        """
        # Names as in the health endpoint.
        names = {name: name.replace("-", "_") for name in self.components if name != "api-server"}
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            except httpx.HTTPError:
                health = {}
            unhealthy = [name for name, key in names.items() if health.get(key, {}).get("status") != "healthy"]
            if health and not unhealthy:
                return
            ended = [name for name, process in self.components.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                # Without the api-server, nothing is known of the others.
                name = (ended or (unhealthy if health else ["api-server"]))[0]
                problem = "ended" if ended else f"was not healthy within {_START_SECONDS} s"
                msg = f"Airflow's {name} {problem}; see {self.logs / name}.log"
                raise ComponentsNotReadyError(msg)
            time.sleep(_SECONDS_BETWEEN_POLLS)

    def token(self, user: str = USER, password: str = "") -> str:
        """Return a token that authenticates requests as a user, by default as `admin`."""
        credentials = {"username": user, "password": password or self.password}
        answer = httpx.post(f"{self.url}/auth/token", json=credentials, timeout=_REQUEST_SECONDS).raise_for_status()
        return str(answer.json()["access_token"])

    def client(self, user: str = USER, password: str = "") -> httpx.Client:
        """Return a client of the REST API that is authenticated as a user, by default as `admin`."""
        return httpx.Client(
            base_url=f"{self.url}/api/v2",
            headers={"Authorization": f"Bearer {self.token(user, password)}"},
            timeout=_REQUEST_SECONDS,
        )


@contextmanager
def local_airflow(
    directory: Path,
    logs: Path,
    environment: Mapping[str, str],
    *,
    port: int = 0,
    only: tuple[str, ...] = tuple(_COMPONENTS),
    python: str = sys.executable,
    wait: bool = True,
) -> Iterator[LocalAirflow]:
    """Run a local Airflow with this project's DAGs and plugins; port 0 picks a free port.

    Args:
        directory: its home, with database and task logs; an existing one is used again.
        logs: directory for one log per component.
        environment: connections, variables and further settings.
        only: the components to start.
        python: an interpreter with another release of Airflow.
        wait: until it is healthy; otherwise call `await_health`.

    Raises:
        OSError: the port is taken.
        DatabaseNotCreatedError: its database could not be migrated.
        ComponentsNotReadyError: it was not healthy in time.
    """
    port = free_port(port)
    url = f"http://127.0.0.1:{port}"
    place = AirflowPlace(directory, database_url(directory), _passwords_file(directory), url, url)
    settings = airflow_settings(place, AirflowSecrets.generate())
    airflow = LocalAirflow(url, secrets.token_urlsafe(12), {**settings, **environment}, logs, python)
    directory.mkdir(parents=True, exist_ok=True)
    write_password(_passwords_file(directory), airflow.password)
    create_database(directory, logs / "db-migrate.log", airflow.environment, python)
    try:
        for name in only:
            airflow.start(name)
        if wait:
            airflow.await_health()
        yield airflow
    finally:
        airflow.stop()


def database_url(directory: Path) -> str:
    """Return the URL of the database of the Airflow whose home is `directory`.

    Its `busy_timeout` is 60 s: on a busy machine requests fail with SQLite's default of 5 s.
    """
    return f"sqlite:///{directory / 'airflow.db'}?timeout=60"


def _passwords_file(directory: Path) -> Path:
    return directory / "passwords.json"
