"""The local Databricks as a service: `python -m local.containers.databricks`."""

import os
import sys
from urllib.parse import urlsplit

from local.containers.addresses import DATABRICKS, s3_variables
from local.containers.secret_files import read_secrets
from local.environment import spark_environment
from local.java import find_java

_COMMAND = ("-m", "local.databricks", "--host", "0.0.0.0", "--port", "8085", "--directory", "/databricks")
# Of the service, to the others.
_NAME = urlsplit(DATABRICKS).hostname or ""
# As long as Airflow keeps its own runs.
_KEEP_DAYS = "3"


def main() -> None:
    """Become the local Databricks; its jobs' processes inherit how S3 and Java are found."""
    java = find_java()
    assert java, "the image is not built without one"
    secrets = read_secrets()
    environment = {
        **os.environ,
        **spark_environment(java),
        **s3_variables(secrets),
        "LOCAL_DATABRICKS_TOKEN": secrets.databricks_token,
    }
    options = ("--name", _NAME, "--keep-days", _KEEP_DAYS, "--url", os.environ["DATABRICKS_URL"])
    os.execve(sys.executable, [sys.executable, *_COMMAND, *options], environment)


if __name__ == "__main__":
    main()
