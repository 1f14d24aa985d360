"""Settings of other installations, in the environment that a user starts our commands in, change nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.environment import loopback_environment, own_environment
from local.java import find_java
from local.s3 import LocalS3
from tests.harness.pipeline import ROOT

_JAVA = Path("/java")
# No server listens there.
_PROXY = "http://127.0.0.1:9"
PROXIES = {
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), _PROXY),
    **dict.fromkeys(("ALL_PROXY", "all_proxy"), "socks5://127.0.0.1:9"),
    "NO_PROXY": "intranet.example",
}
FOREIGN = {
    "PYSPARK_PYTHON": "/nowhere/python",
    "PYSPARK_DRIVER_PYTHON": "/nowhere/python",
    "PYSPARK_SUBMIT_ARGS": "--master yarn",
    "SPARK_HOME": "/nowhere/spark",
    "SPARK_CONF_DIR": "/nowhere/conf",
    "SPARK_MASTER": "spark://nowhere:7077",
    "HADOOP_CONF_DIR": "/nowhere/hadoop",
    "YARN_CONF_DIR": "/nowhere/yarn",
    "AIRFLOW_HOME": "/nowhere/airflow",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nowhere/airflow",
    "AIRFLOW__CORE__AUTH_MANAGER": "nowhere.AuthManager",
    "AIRFLOW_CONN_DATABRICKS_DEFAULT": "databricks://nowhere",
    "_AIRFLOW__AS_LIBRARY": "1",
    "AWS_PROFILE": "nowhere",
    "AWS_SESSION_TOKEN": "expired",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_CA_BUNDLE": "/nowhere/ca.pem",
    "DATABRICKS_CLIENT_ID": "someone",
    "DATABRICKS_CLIENT_SECRET": "theirs",
    "DATABRICKS_RUNTIME_VERSION": "17.3",
    "MOTO_S3_CUSTOM_ENDPOINTS": "http://nowhere",
}
JAVA = {"JAVA_TOOL_OPTIONS": "-Xnonsense", "JDK_JAVA_OPTIONS": "-Xnonsense", "_JAVA_OPTIONS": "-Xnonsense"}
HOSTILE = {**PROXIES, **FOREIGN, **JAVA, "SPARK_LOCAL_IP": "10.255.255.1"}


@pytest.mark.parametrize(("name", "value"), FOREIGN.items())
def test_a_foreign_setting_is_omitted_or_replaced(name: str, value: str) -> None:
    assert own_environment({name: value, "HOME": "/home"}, _JAVA).get(name) != value


def test_everything_else_is_kept() -> None:
    given = {"HOME": "/home", "PYTHONPATH": "plugins", "AIRFLOW_PORT": "8081", "S3_PORT": "0", "HTTPS_PROXY": _PROXY}
    assert given.items() <= own_environment(given, _JAVA).items()


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_is_used_for_loopback_nor_for_what_the_user_excludes(name: str) -> None:
    own = own_environment({name: "intranet.example"}, _JAVA)
    assert own["NO_PROXY"] == own["no_proxy"] == "127.0.0.1,localhost,intranet.example"
    assert own_environment({}, _JAVA)["no_proxy"] == "127.0.0.1,localhost"


@pytest.mark.parametrize(
    ("value", "kept"), [("http://p:1", True), ("p:1", True), ("socks5h://p:1", False), ("x://p", False)]
)
def test_a_proxy_that_httpx_does_not_know_is_omitted(value: str, kept: bool) -> None:
    for name in ("ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        assert (name in own_environment({name: value}, _JAVA)) == kept


def test_a_run_has_no_proxy_and_no_options_for_java() -> None:
    own = loopback_environment(own_environment(HOSTILE | {"HOME": "/home"}, _JAVA))
    assert not (PROXIES.keys() - {"NO_PROXY"} | JAVA.keys()) & own.keys()
    assert own["HOME"] == "/home"


def test_java_is_found_despite_invalid_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in JAVA.items():
        monkeypatch.setenv(name, value)
    assert find_java()


_CLIENTS = """
import os, sys
import httpx, requests
from databricks.sdk import WorkspaceClient
from deltalake import DeltaTable
from local.s3 import S3Address, s3_environment
from spark_jobs.store.objects import open_objects

endpoint, *keys = sys.argv[1:]
assert httpx.get(endpoint).status_code == requests.get(endpoint).status_code == 403
s3 = S3Address(endpoint, s3_environment(endpoint, *keys))
s3.client().list_buckets()
os.environ.update(s3.environment)
open_objects("s3://transactions/environment").write("x", b"x")
assert not DeltaTable.is_deltatable("s3://transactions/environment", {"AWS_ALLOW_HTTP": "true"})
WorkspaceClient(host=endpoint, token="t").config.authenticate()
"""


def test_every_client_reaches_a_server_on_loopback(s3: LocalS3) -> None:
    keys = [s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]]
    command = [sys.executable, "-m", "local.environment", sys.executable, "-c", _CLIENTS, s3.endpoint, *keys]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **HOSTILE}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_make_does_not_pass_on_the_settings_of_another_python() -> None:
    """They would keep our Python from starting, before any of our code runs."""
    foreign = {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        ["make", "--eval", "shown:; @env && $(BIN)/python -c 'print(\"works with\", $(WORKERS))'", "shown"],
        cwd=ROOT,
        env={**os.environ, **foreign},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"works with {(os.cpu_count() or 0) + 1}" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.partition("=")[0] in foreign]
