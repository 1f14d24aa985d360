"""One component of Airflow: `python -m local.containers.airflow COMPONENT …` becomes `airflow COMPONENT …`."""

import json
import os
import sys
from pathlib import Path

from local.airflow_settings import USER, AirflowPlace, AirflowSecrets, airflow_settings, dag_environment
from local.bucket import LAKE_URL, SOURCE_URL
from local.containers import addresses
from local.containers.secret_files import Secrets, read_secrets

_HOME = Path("/airflow")


def main() -> None:
    """Become a component of Airflow."""
    secrets = read_secrets()
    passwords = _HOME / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({USER: secrets.airflow_password}))
    os.execvpe("airflow", ["airflow", *sys.argv[1:]], {**os.environ, **_environment(secrets, passwords)})


def _environment(secrets: Secrets, passwords: Path) -> dict[str, str]:
    database = addresses.airflow_database(secrets)
    place = AirflowPlace(_HOME, database, passwords, os.environ["AIRFLOW_URL"], addresses.AIRFLOW)
    own = AirflowSecrets(secrets.airflow_fernet_key, secrets.airflow_secret_key, secrets.airflow_jwt_secret)
    dags = {"source": SOURCE_URL, "lake": LAKE_URL, "chunk_size": int(os.environ["CHUNK_SIZE"])}
    return {
        **airflow_settings(place, own),
        # Asked by its health check.
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "True",
        **dag_environment(addresses.DATABRICKS, secrets.databricks_token, database, dags),
        **addresses.s3_variables(secrets),
    }


if __name__ == "__main__":
    main()
