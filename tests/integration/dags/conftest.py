"""Airflow with an empty database, a local S3, and a local Databricks with the jobs."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local.airflow import database_url
from local.airflow_database import create_database
from local.databricks.server import LocalDatabricks, local_databricks
from local.jobs import DETECTOR, Lake, all_jobs
from local.s3 import LocalS3
from tests.harness.pipeline import BUCKET, ROOT
from tests.harness.warm import WarmProcess, warm_process

# Who answers requests for approval, and the answer of nobody.
USER = "carol"
TIME_OUT = "time out"
# Of a run with six tasks, on a busy machine.
_PATIENCE_SECONDS = 500


@dataclass(frozen=True)
class Airflow:
    """Airflow for running single DAGs.

    Attributes:
        process: the process that runs its commands.
        home: its home directory.
        environment: connections and settings, as variables of its commands.
        name: name of the test's lake.
    """

    process: WarmProcess
    home: Path
    environment: dict[str, str]
    name: str
    s3: LocalS3
    databricks: WorkspaceClient

    def answered(self, answer: str, dag_id: str, conf: Mapping[str, object]) -> str:
        """Run `airflow dags test` while somebody answers its request for approval; return its output."""
        arguments = [answer, dag_id, "--conf", json.dumps(conf)]
        function = "tests.integration.dags.answering:main"
        return self.process.run(function, arguments, environment=self.environment, seconds=_PATIENCE_SECONDS).log

    def test_dag(self, dag_id: str) -> str:
        """Run `airflow dags test` and return its output."""
        return self.run("dags", "test", dag_id)

    def run(self, *arguments: str) -> str:
        """Run a command of `airflow` and return its output."""
        return self.process.run("tests.harness.airflow:main", list(arguments), environment=self.environment).log

    def upload(self, lines: int) -> None:
        """Upload a master file of `lines` lines."""
        header = b"step,customer,age,gender,zipcodeOri,merchant,zipMerchant,category,amount,fraud\n"
        line = b"0,'C1','4','M','28007','M1','28007','es_transportation',4.55,0\n"
        self.s3.client().put_object(Bucket=BUCKET, Key=f"{self.name}.csv", Body=header + line * lines)

    def upload_again(self) -> None:
        """Upload the same master file under another ETag, as a multipart upload does."""
        s3, key = self.s3.client(), f"{self.name}.csv"
        found = s3.get_object(Bucket=BUCKET, Key=key)
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=found["Body"].read())
        parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        done = s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=parts)
        assert done["ETag"] != found["ETag"]

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{self.name}/{prefix}")
        return [entry["Key"].removeprefix(f"{self.name}/") for entry in found.get("Contents", [])]

    def runs(self, job_name: str) -> list[jobs.BaseRun]:
        [job] = self.databricks.jobs.list(name=job_name)
        return list(self.databricks.jobs.list_runs(job_id=job.job_id))


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory of Airflow with an empty database."""
    return migrated_home(tmp_path_factory.mktemp("airflow"))


def migrated_home(home: Path, python: str = sys.executable) -> Path:
    """Create the database of an Airflow, and return its home directory."""
    create_database(home, home / "db-migrate.log", airflow_variables(home), python)
    return home


@pytest.fixture(scope="session")
def airflow_process(airflow_home: Path, s3: LocalS3) -> Iterator[WarmProcess]:
    with warm_process(["tests.harness.airflow"], {**s3.environment, **airflow_variables(airflow_home)}) as warm:
        yield warm


def airflow_variables(home: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}",
    }


@pytest.fixture(scope="session")
def jobs_server(s3: LocalS3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabricks]:
    with local_databricks(tmp_path_factory.mktemp("databricks"), s3.environment) as server:
        yield server


@pytest.fixture
def airflow(
    airflow_process: WarmProcess,
    airflow_home: Path,
    jobs_server: LocalDatabricks,
    s3: LocalS3,
    request: pytest.FixtureRequest,
) -> Iterator[Airflow]:
    name = request.node.name.replace("[", "-").strip("]")
    with airflow_with_jobs(name, airflow_process, airflow_home, jobs_server, s3) as airflow:
        yield airflow


@contextmanager
def airflow_with_jobs(
    name: str, process: WarmProcess, home: Path, jobs_server: LocalDatabricks, s3: LocalS3
) -> Iterator[Airflow]:
    """Yield an Airflow whose DAGs have a lake and jobs of their own."""
    client = WorkspaceClient(host=jobs_server.host, token=jobs_server.token)
    source, lake = f"s3://{BUCKET}/{name}.csv", f"s3://{BUCKET}/{name}"
    settings = {
        "source": source,
        "lake": lake,
        "chunk_size": 10,
        "chunker_job": f"{name}-chunker",
        "detector_job": f"{name}-detector",
        "maintenance_job": f"{name}-maintain_state",
        "what_if_job": f"{name}-what_if",
        "publish_rules_job": f"{name}-publish_rules",
        "metadata_connection": "airflow_metadata",
    }
    connection = {
        "conn_type": "databricks",
        "host": jobs_server.host.removeprefix("http://"),
        "schema": "http",
        "password": jobs_server.token,
    }
    for job_name, definition in all_jobs(Lake(source, lake, chunk_size=10)).items():
        if job_name != DETECTOR:
            definition.name = f"{name}-{job_name}"
            client.jobs.create(**definition.as_shallow_dict())
    metadata = {"conn_type": "generic", "password": database_url(home)}
    environment = {
        "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(connection),
        "AIRFLOW_CONN_AIRFLOW_METADATA": json.dumps(metadata),
        "AIRFLOW_VAR_TRANSACTION_PATTERNS": json.dumps(settings),
    }
    yield Airflow(process, home, environment, name, s3, client)
    for job in client.jobs.list():
        client.jobs.delete(job.job_id or 0)


@pytest.fixture
def sleeper(tmp_path: Path) -> str:
    """A script in place of the detector; it runs until terminated."""
    path = tmp_path / "sleeper.py"
    path.write_text("import signal\nsignal.pause()\n")
    return str(path)
