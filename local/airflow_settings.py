"""Settings and connections of Airflow as environment variables, for `make run` and the containers."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
USER = "admin"
# Read as a file, because not every image has the plugins.
_NEEDS = ROOT / "plugins" / "orchestration" / "airflow_needs.json"


@dataclass(frozen=True)
class AirflowPlace:
    """Locations of an Airflow.

    Attributes:
        home: directory for its files.
        database: URL for SQLAlchemy.
        passwords: file with the passwords of its users.
        url: of its UI and REST API, for browsers.
        internal_url: the same, for its own components.
    """

    home: Path
    database: str
    passwords: Path
    url: str
    internal_url: str


@dataclass(frozen=True, repr=False)
class AirflowSecrets:
    """Secrets that all components of one Airflow share."""

    fernet_key: str
    secret_key: str
    jwt_secret: str

    @classmethod
    def generate(cls) -> "AirflowSecrets":
        """Return new random secrets."""
        fernet_key = urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return cls(fernet_key, secrets.token_urlsafe(32), secrets.token_urlsafe(32))


def airflow_settings(place: AirflowPlace, shared: AirflowSecrets) -> dict[str, str]:
    """Return Airflow's settings as environment variables."""
    sections = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": "4",
            "DAGS_FOLDER": str(ROOT / "dags"),
            "PLUGINS_FOLDER": str(ROOT / "plugins"),
            "LOAD_EXAMPLES": "False",
            "DAGS_ARE_PAUSED_AT_CREATION": "False",
            "FERNET_KEY": shared.fernet_key,
            "SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(place.passwords),
            "EXECUTION_API_SERVER_URL": f"{place.internal_url}/execution/",
        },
        "DATABASE": {"SQL_ALCHEMY_CONN": place.database},
        "API": {"BASE_URL": place.url, "SECRET_KEY": shared.secret_key},
        "API_AUTH": {"JWT_SECRET": shared.jwt_secret},
        # 17,280 runs a day log them.
        "LOGGING": {
            "NAMESPACE_LEVELS": "airflow.dag_processing=warning airflow.providers.amazon.aws=warning py.warnings=error"
        },
        "DAG_PROCESSOR": {"MIN_FILE_PROCESS_INTERVAL": "60"},
    }
    settings = {
        f"AIRFLOW__{section}__{name}": value for section, names in sections.items() for name, value in names.items()
    }
    needs = json.loads(_NEEDS.read_text())
    needed = {f"AIRFLOW__{name.upper().replace('.', '__')}": str(need["at_most"]) for name, need in needs.items()}
    return {"AIRFLOW_HOME": str(place.home), "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}", **settings, **needed}


def write_password(passwords: Path, password: str) -> None:
    """Write the password of Airflow's only user into a file that its owner alone can read."""
    passwords.touch(mode=0o600)
    # It may exist from an earlier run.
    passwords.chmod(0o600)
    passwords.write_text(json.dumps({USER: password}))


@dataclass(frozen=True, repr=False)
class Workspace:
    """The local Databricks: its URL, `http://host:port`, and a token for it."""

    url: str
    token: str


def dag_environment(
    workspace: Workspace, database: str, settings: Mapping[str, Any], chunker_mode: str
) -> dict[str, str]:
    """Return the connections, the variable and the option that the DAGs need, as environment variables.

    Args:
        database: URL of Airflow's own database, for SQLAlchemy.
        settings: of the DAGs.
        chunker_mode: `run` or `follow`.
    """
    connection = {
        "conn_type": "databricks",
        "host": workspace.url.removeprefix("http://"),
        # A scheme in the host would be replaced with https.
        "schema": "http",
        "password": workspace.token,
    }
    return {
        "AIRFLOW__TRANSACTION_PATTERNS__CHUNKER_MODE": chunker_mode,
        "AIRFLOW_CONN_AIRFLOW_METADATA": json.dumps({"conn_type": "generic", "password": database}),
        "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(connection),
        "AIRFLOW_VAR_TRANSACTION_PATTERNS": json.dumps({"metadata_connection": "airflow_metadata", **settings}),
    }
