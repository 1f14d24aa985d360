"""Run a command with the environment of this project: `python -m local.environment COMMAND …`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.class_archive import archive_options
from local.foreign_requests import LOOPBACK_NAMES
from local.java import JAVA_OPTIONS, find_java

# Settings of other installations of what runs here, such as a Spark under SPARK_HOME or a profile in AWS_PROFILE.
_FOREIGN = ("AIRFLOW_", "_AIRFLOW_", "AWS_", "DATABRICKS_", "HADOOP_", "MOTO_", "PYSPARK_", "SPARK_", "YARN_")
# Ports of the stack in containers, as in `AIRFLOW_PORT`.
_OUR_SUFFIX = "_PORT"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")
# botocore reads these even if it is given keys.
_NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def own_environment(given: Mapping[str, str], java_home: Path) -> dict[str, str]:
    """Return the environment of a command: the given one without foreign settings, and Spark's.

    Proxies remain for commands that download something, but are not used for loopback. Those of other kinds than
    HTTP are omitted: httpx raises an error for them even if it does not use them.
    """
    kept = {name: value for name, value in given.items() if not _is_foreign(name, value)}
    no_proxy = ",".join(filter(None, (*LOOPBACK_NAMES, kept.get("NO_PROXY"), kept.get("no_proxy"))))
    return {**kept, "NO_PROXY": no_proxy, "no_proxy": no_proxy, **_NO_FILES, **spark_environment(java_home)}


def loopback_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without proxies and options for Java, for processes that only talk to each other."""
    return {name: value for name, value in given.items() if name.upper() not in _PROXIES and name not in JAVA_OPTIONS}


def _is_foreign(name: str, value: str) -> bool:
    if name.upper() in _PROXIES:
        return "://" in value and not value.lower().startswith(("http://", "https://"))
    return name.startswith(_FOREIGN) and not name.endswith(_OUR_SUFFIX)


def spark_environment(java_home: Path) -> Mapping[str, str]:
    """Return the variables for Spark: its Java, this interpreter for its workers, loopback only."""
    variables = {
        "JAVA_HOME": str(java_home),
        "PYSPARK_PYTHON": str(Path(__file__).with_name("spark-python")),
        "PYSPARK_WORKER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SUBMIT_OPTS": archive_options(java_home),
    }
    if os.environ.get("LC_ALL") in ("C", "POSIX"):
        # Otherwise Java finds no jar under a path with non-ASCII letters. Python itself coerces LANG.
        variables["LC_ALL"] = "C.UTF-8"
    return variables


if __name__ == "__main__":
    home = find_java()
    if home is None:
        raise SystemExit("Java 17 or later is needed: run `make setup`")
    os.execvpe(sys.argv[1], sys.argv[1:], own_environment(os.environ, home))
