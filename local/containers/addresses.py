"""Where the services of `docker-compose.yml` find each other."""

from local.containers.secret_files import Secrets
from local.s3_environment import s3_environment

S3 = "http://s3:9000"
DATABRICKS = "http://databricks:8085"
AIRFLOW = "http://airflow-api-server:8080"


def s3_variables(secrets: Secrets) -> dict[str, str]:
    """Return the `AWS_*` variables that lead a service to S3."""
    return s3_environment(S3, secrets.s3_access_key, secrets.s3_secret_key)


def airflow_database(secrets: Secrets) -> str:
    """Return Airflow's database, as SQLAlchemy has it."""
    return f"postgresql+psycopg2://airflow:{secrets.postgres_password}@postgres:5432/airflow"
