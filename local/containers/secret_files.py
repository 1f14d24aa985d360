"""The secrets of the stack in containers: one file each, made at its first start, in a volume of its own.

`python -m local.containers.secret_files` makes those that are missing, and says Airflow's password when it is new.
"""

import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.airflow_settings import USER, AirflowSecrets

DIRECTORY = Path("/secrets")
_AIRFLOW_PASSWORD = "airflow_password"
_MAKERS: Mapping[str, Callable[[], str]] = {
    "postgres_password": lambda: secrets.token_urlsafe(24),
    "s3_access_key": lambda: secrets.token_hex(10),
    "s3_secret_key": lambda: secrets.token_hex(20),
    "databricks_token": lambda: secrets.token_hex(16),
    "airflow_fernet_key": lambda: AirflowSecrets.generate().fernet_key,
    "airflow_secret_key": lambda: AirflowSecrets.generate().secret_key,
    "airflow_jwt_secret": lambda: AirflowSecrets.generate().jwt_secret,
    _AIRFLOW_PASSWORD: lambda: secrets.token_urlsafe(12),
}


@dataclass(frozen=True, repr=False)
class Secrets:
    """All of them; each is the content of the file of its name."""

    postgres_password: str
    s3_access_key: str
    s3_secret_key: str
    databricks_token: str
    airflow_fernet_key: str
    airflow_secret_key: str
    airflow_jwt_secret: str
    airflow_password: str


def read_secrets(directory: Path = DIRECTORY) -> Secrets:
    """Return all secrets.

    Raises:
        FileNotFoundError: one has not been made.
    """
    return Secrets(**{name: (directory / name).read_text() for name in _MAKERS})


def make_secrets(directory: Path = DIRECTORY) -> list[str]:
    """Make the secrets that are missing, readable by their owner alone; return their names.

    Killed in the middle it leaves whole files only, and the next start makes the rest.
    """
    missing = [name for name in _MAKERS if not (directory / name).exists()]
    for name in missing:
        with tempfile.NamedTemporaryFile("w", dir=directory, delete=False) as file:
            file.write(_MAKERS[name]())
        Path(file.name).rename(directory / name)
    return missing


def main() -> None:
    """Make what is missing; say the password once."""
    if _AIRFLOW_PASSWORD in make_secrets():
        print(f"Airflow: user {USER}, password {read_secrets().airflow_password}")
    else:
        print("the secrets are there already")


if __name__ == "__main__":
    main()
