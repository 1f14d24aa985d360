"""The page, and pruning through the REST API, under the auth managers of FAB and Keycloak, on MWAA's Airflow."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.airflow import LocalAirflow, database_url, local_airflow
from orchestration.dag_ids import DAG_IDS
from orchestration.prune_runs import prune_runs
from tests.harness.keycloak import keycloak
from tests.harness.mwaa import mwaa
from tests.harness.pipeline import ROOT
from tests.harness.warm import WarmProcess, warm_process
from tests.integration.dags.airflow_days import FOREIGN_DAG, fill_day
from tests.integration.dags.conftest import airflow_variables, migrated_home
from tests.integration.docs.pages import blocks

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(900)]

_PASSWORD = "a-password"
_PAGE = ("/", "/api/state", "/api/detections")
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
KEYCLOAK = "airflow.providers.keycloak.auth_manager.keycloak_auth_manager.KeycloakAuthManager"


@dataclass
class AuthenticatedAirflow:
    """An Airflow that runs its api-server only."""

    server: LocalAirflow
    home: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def seen(self, user: str) -> list[str]:
        """Return the parts of the page that a user is let into: the page, the figures, the customers."""
        if user not in self.tokens:
            credentials = {"username": user, "password": _PASSWORD}
            answer = httpx.post(f"{self.server.url}/auth/token", json=credentials, timeout=60)
            self.tokens[user] = answer.raise_for_status().json()["access_token"]
        return [path for path in _PAGE if self._status(path, self.tokens[user]) not in (401, 403, 500)]

    def _status(self, path: str, token: str) -> int:
        url, headers = f"{self.server.url}/pattern-detection{path}", {"Authorization": f"Bearer {token}"}
        if path == "/api/detections":
            return httpx.post(url, json={}, headers=headers, timeout=60).status_code
        return httpx.get(url, headers=headers, timeout=60).status_code


@pytest.fixture(scope="module")
def fab(mwaa_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthenticatedAirflow]:
    """FAB with a user for each of its roles; `payments` is the role of the cluster policy in the documentation."""
    home = tmp_path_factory.mktemp("fab")
    (home / "config").mkdir()
    [policy] = [
        block.text for block in blocks(ROOT / "docs/how-to/shared-airflow.md") if "def dag_policy" in block.text
    ]
    (home / "config" / "airflow_local_settings.py").write_text(policy)
    python, manager = str(mwaa_python), {"AIRFLOW__CORE__AUTH_MANAGER": FAB}
    variables = {**airflow_variables(migrated_home(home, python)), **manager}
    # Before the server starts, which would first create hundreds of permissions.
    with warm_process(["tests.harness.airflow"], variables, python) as process:
        _create_users(process)
    with local_airflow(home, home / "logs", manager, only=("api-server",), python=python) as server:
        yield AuthenticatedAirflow(server, home)


def _create_users(process: WarmProcess) -> None:
    """Create a user for each role, named like it, and the permissions for the DAGs."""

    def run(*arguments: str) -> None:
        done = process.run("tests.harness.airflow:main", arguments)
        assert done.code == 0, done.log

    run("sync-perm")
    run("roles", "create", "payments", "website")
    for role in ("Viewer", "User", "Public", "payments", "website"):
        name = role.lower()
        about = ("--email", f"{name}@example.com", "--firstname", name, "--lastname", name)
        run("users", "create", "--username", name, "--password", _PASSWORD, "--role", role, *about)
    run("dags", "reserialize")
    # It also lets every role of one's own open the web site.
    run("sync-perm", "--include-dags")


@pytest.mark.parametrize(
    ("user", "seen"),
    [("viewer", _PAGE), ("user", _PAGE), ("payments", _PAGE), ("website", _PAGE[:1]), ("public", ())],
)
def test_fab_decides_who_sees_which_part_of_the_page(
    fab: AuthenticatedAirflow, user: str, seen: tuple[str, ...]
) -> None:
    assert fab.seen(user) == list(seen)


def rows(home: Path, dag_id: str) -> dict[str, int]:
    """Return how many rows of 2020 a DAG has in the tables that grow with its runs."""
    tables = ("task_instance", "task_instance_history", "xcom", "rendered_task_instance_fields", "task_state_store")
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        of_run = "WHERE dag_id = ? AND run_id LIKE 'scheduled__2020%'"
        found = {
            name: database.execute(f"SELECT count(*) FROM {name} {of_run}", [dag_id]).fetchone()[0]
            for name in ("dag_run", *tables)
        }
        query = f"SELECT count(*) FROM deadline WHERE dagrun_id IN (SELECT id FROM dag_run {of_run})"
        found["deadline"] = database.execute(query, [dag_id]).fetchone()[0]
    return found


def test_a_user_deletes_old_runs_of_this_product_through_the_rest_api_and_those_of_other_dags_stay(
    fab: AuthenticatedAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terraform lets MWAA's role log in as `User`."""
    fill_day(database_url(fab.home), datetime(2020, 1, 1), {**dict.fromkeys(DAG_IDS, 120), FOREIGN_DAG: 3})  # noqa: DTZ001
    with closing(sqlite3.connect(fab.home / "airflow.db", isolation_level=None)) as database:
        # The days' versions of the DAGs have no content, which the API reads.
        database.execute("DELETE FROM serialized_dag WHERE data IS NULL")
    foreign = rows(fab.home, FOREIGN_DAG)
    assert foreign["dag_run"] == 3
    with fab.server.client("user", _PASSWORD) as client:

        def forward(method: str, path: str, query: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
            answer = client.request(method, path, params=query, json=body or None)
            return answer.status_code, answer.json()

        deleted = prune_runs(mwaa(monkeypatch, forward), datetime(2020, 6, 1, tzinfo=UTC))
    # The newest scheduled run of each is kept.
    assert deleted == len(DAG_IDS) * 119
    for dag_id in DAG_IDS:
        left = rows(fab.home, dag_id)
        assert left.pop("dag_run") == 1
        assert max(left.values()) <= 4, f"rows of one run: {left}"
    assert rows(fab.home, FOREIGN_DAG) == foreign


def decide(user: str, permission: str, resource: str) -> int:
    """Decide as a realm would in which everybody has what their name says."""
    match user, permission:
        case ("everything", _) | ("website", "View#GET"):
            return 200
        case ("chunker", "View#GET"):
            return 200
        case ("chunker", "Dag#GET") if resource == "chunk_transactions":
            return 200
        case ("unknown", _):
            return 400
        case _:
            return 403


@pytest.fixture(scope="module")
def with_keycloak(mwaa_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthenticatedAirflow]:
    home = tmp_path_factory.mktemp("keycloak")
    with keycloak(decide) as port:
        environment = {
            "AIRFLOW__CORE__AUTH_MANAGER": KEYCLOAK,
            "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_ID": "airflow",
            "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET": "secret",
            "AIRFLOW__KEYCLOAK_AUTH_MANAGER__REALM": "airflow",
            "AIRFLOW__KEYCLOAK_AUTH_MANAGER__SERVER_URL": f"http://127.0.0.1:{port}",
        }
        with local_airflow(home, home / "logs", environment, only=("api-server",), python=str(mwaa_python)) as server:
            yield AuthenticatedAirflow(server, home)


@pytest.mark.parametrize(
    ("user", "seen"),
    [("everything", _PAGE), ("chunker", _PAGE[:2]), ("website", _PAGE[:1]), ("nobody", ()), ("unknown", ())],
)
def test_keycloak_decides_who_sees_which_part_of_the_page(
    with_keycloak: AuthenticatedAirflow, user: str, seen: tuple[str, ...]
) -> None:
    assert with_keycloak.seen(user) == list(seen)
