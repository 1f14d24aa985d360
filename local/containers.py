"""Entry points of the services in `docker-compose.yml`: `python -m local.containers SERVICE ARGUMENTS…`.

The secrets are files in a volume, one each, created by the service `secrets` at the first start, which copies them into
the volumes of the services that need them. Compose never learns them: each service reads its own and passes them on to
the program that it becomes.

Clients are imported where they are used, as they take seconds that the other services need not wait for.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.airflow_settings import (
    AirflowPlace,
    AirflowSecrets,
    Workspace,
    airflow_settings,
    dag_environment,
    write_password,
)
from local.bucket import BUCKET, IMPORTANCE_KEY, IMPORTANCE_URL, LAKE_URL, SOURCE_KEY, SOURCE_URL
from local.environment import spark_environment
from local.java import find_java

SECRETS = Path("/secrets")
_SHARED = Path("/shared")
_AIRFLOW_HOME = Path("/airflow")
_AIRFLOW_PASSWORD = "airflow_password"
_GENERATORS: Mapping[str, Callable[[], str]] = {
    "postgres_password": lambda: secrets.token_urlsafe(24),
    "s3_access_key": lambda: secrets.token_hex(10),
    "s3_secret_key": lambda: secrets.token_hex(20),
    "databricks_token": lambda: secrets.token_hex(16),
    "airflow_fernet_key": lambda: AirflowSecrets.generate().fernet_key,
    "airflow_secret_key": lambda: secrets.token_urlsafe(32),
    "airflow_jwt_secret": lambda: secrets.token_urlsafe(32),
    _AIRFLOW_PASSWORD: lambda: secrets.token_urlsafe(12),
}
# The secrets that each service reads; `sample` shares those of s3, and `jobs` those of databricks.
_S3_KEYS = ("s3_access_key", "s3_secret_key")
READERS: Mapping[str, Sequence[str]] = {
    "postgres": ("postgres_password",),
    "s3": _S3_KEYS,
    "databricks": (*_S3_KEYS, "databricks_token"),
    "airflow": tuple(_GENERATORS),
}


def create_secrets(directory: Path = SECRETS) -> list[str]:
    """Create the missing secrets, readable by their owner only; return their names.

    Each file appears complete or not at all, so a start after a crash creates the rest.
    """
    missing = [name for name in _GENERATORS if not (directory / name).exists()]
    for name in missing:
        _write(directory / name, _GENERATORS[name]())
    return missing


def share_secrets(directory: Path = SECRETS, shared: Path = _SHARED) -> None:
    """Copy each secret into the folder `shared/READER` of each of its readers; safe to repeat."""
    for reader, names in READERS.items():
        for name in names:
            _write(shared / reader / name, (directory / name).read_text())


def _write(path: Path, secret: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(secret)
    Path(file.name).rename(path)


def main() -> None:
    """Run the service that the command line names."""
    service, *arguments = sys.argv[1:]
    services: Mapping[str, Callable[[Sequence[str]], None]] = {
        "secrets": _secrets,
        "sample": _sample,
        "databricks": _databricks,
        "jobs": _jobs,
        "airflow": _airflow,
    }
    services[service](arguments)


def _secrets(_arguments: Sequence[str]) -> None:
    """Create the missing secrets and hand them to their readers."""
    created = create_secrets()
    share_secrets()
    print(f"created {', '.join(created)}" if created else "the secrets exist already")


def _sample(_arguments: Sequence[str]) -> None:
    """Create the bucket and upload sample data, unless there is a master file."""
    from local.sample_data import write_sample

    s3 = _s3_client()
    if not _exists(s3.head_bucket, Bucket=BUCKET):
        s3.create_bucket(Bucket=BUCKET)
    if _exists(s3.head_object, Bucket=BUCKET, Key=SOURCE_KEY):
        print(f"{SOURCE_URL} exists already")
        return
    rows = int(os.environ["SAMPLE_ROWS"])
    with tempfile.TemporaryDirectory() as directory:
        write_sample(Path(directory), rows)
        # The master file comes last: its presence means that the upload is complete.
        for key in (IMPORTANCE_KEY, SOURCE_KEY):
            s3.upload_file(str(Path(directory, key)), BUCKET, key)
    print(f"uploaded {rows:,} transactions of sample data to {SOURCE_URL}")


def _databricks(arguments: Sequence[str]) -> None:
    """Become the local Databricks, whose tasks inherit the variables for S3 and Java."""
    java = find_java()
    assert java, "the build of the image checks for Java"
    variables = {**spark_environment(java), **_s3_keys(), "LOCAL_DATABRICKS_TOKEN": _secret("databricks_token")}
    _become([sys.executable, "-m", "local.databricks", *arguments], variables)


def _jobs(_arguments: Sequence[str]) -> None:
    """Create the jobs, or reset them to this version."""
    from databricks.sdk import WorkspaceClient

    from local.jobs import Lake, create_jobs

    importance = IMPORTANCE_URL if _exists(_s3_client().head_object, Bucket=BUCKET, Key=IMPORTANCE_KEY) else None
    chunk_size, thresholds = int(os.environ["CHUNK_SIZE"]), os.environ["THRESHOLDS"]
    lake = Lake(
        SOURCE_URL,
        LAKE_URL,
        importance,
        chunk_size=chunk_size,
        thresholds=thresholds,
        chunker_mode=os.environ["CHUNKER_MODE"],
    )
    create_jobs(WorkspaceClient(host=os.environ["DATABRICKS_HOST"], token=_secret("databricks_token")), lake)


def _airflow(arguments: Sequence[str]) -> None:
    """Become a component of Airflow, or one of its commands."""
    passwords = _AIRFLOW_HOME / "passwords.json"
    write_password(passwords, _secret(_AIRFLOW_PASSWORD))
    database = f"postgresql+psycopg2://airflow:{_secret('postgres_password')}@postgres:5432/airflow"
    place = AirflowPlace(
        _AIRFLOW_HOME, database, passwords, os.environ["AIRFLOW_URL"], os.environ["AIRFLOW_INTERNAL_URL"]
    )
    own = AirflowSecrets(*(_secret(f"airflow_{name}") for name in ("fernet_key", "secret_key", "jwt_secret")))
    dags = {"source": SOURCE_URL, "lake": LAKE_URL, "chunk_size": int(os.environ["CHUNK_SIZE"])}
    workspace = Workspace(os.environ["DATABRICKS_HOST"], _secret("databricks_token"))
    variables = {
        **airflow_settings(place, own),
        **dag_environment(workspace, database, dags, os.environ["CHUNKER_MODE"]),
        **_s3_keys(),
    }
    _become(["airflow", *arguments], variables)


def _become(command: list[str], variables: Mapping[str, str]) -> None:
    os.execvpe(command[0], command, {**os.environ, **variables})


def _secret(name: str) -> str:
    return (SECRETS / name).read_text()


def _s3_keys() -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": _secret("s3_access_key"), "AWS_SECRET_ACCESS_KEY": _secret("s3_secret_key")}


def _s3_client() -> Any:
    import boto3

    keys = {name.lower(): value for name, value in _s3_keys().items()}
    return boto3.client("s3", **keys)


def _exists(head: Callable[..., object], **names: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        head(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True


if __name__ == "__main__":
    main()
