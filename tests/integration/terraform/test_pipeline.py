"""The pipeline in the applied buckets, each part with only its own role, on a local AWS that enforces IAM."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from deltalake import DeltaTable

from local import processes
from local.environment import spark_environment
from local.java import find_java
from local.sample_data import write_sample
from orchestration.observe import Observer
from orchestration.settings import Settings
from orchestration.storage import Storage
from pattern_page.lake_reader import LakeReader
from pattern_page.rule_versions import RuleVersions
from pattern_page.state_reader import StateReader
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.lake.landing_times import uncommitted_since
from spark_jobs.lake.layout import PAIRS
from spark_jobs.lake.what_if_report import find_report
from spark_jobs.patterns.built_in import BUILT_IN_TOML
from spark_jobs.publishing.job import main as publish_rules
from spark_jobs.store.objects import open_objects
from spark_jobs.what_if.cli import main as what_if
from tests.integration.terraform.conftest import Environment

pytestmark = [pytest.mark.terraform, pytest.mark.processes, pytest.mark.slow]

ROWS, CHUNK = 3000, 1000
# Low enough to fill a detection file from this few rows.
_THRESHOLD = ("--threshold", "child_transactions=1")


@dataclass(frozen=True)
class Run:
    """A run of the pipeline, and where it ran.

    Attributes:
        roles: the `AWS_*` variables of the assumed roles `jobs` and `airflow`.
    """

    applied: Environment
    roles: dict[str, dict[str, str]]

    @property
    def lake(self) -> str:
        return str(self.applied.outputs["lake"])

    def client(self, role: str, service: str = "s3") -> Any:
        return self.applied.aws.client(service, self.roles[role])


@pytest.fixture(scope="module")
def run(applied: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Three chunks, landed and processed under the jobs' role; the tests run with IAM enforced, too."""
    directory = tmp_path_factory.mktemp("run")
    write_sample(directory, ROWS, seed=3)
    incoming = applied.outputs["source"].split("/")[2]
    for name in ("transactions.csv", "CustomerImportance.csv"):
        applied.aws.client("s3").upload_file(str(directory / name), incoming, name)
    java = find_java()
    assert java, "make setup finds or fetches Java"
    roles = {name: applied.aws.assume(applied.outputs[f"{name}_role_arn"]) for name in ("jobs", "airflow")}
    environment = {**roles["jobs"], **spark_environment(java)}
    lake = ("--lake", applied.outputs["lake"])
    chunker = ("--source", applied.outputs["source"], *lake, "--chunk-size", str(CHUNK), "--max-chunks", "5")
    detector = ("--importance", applied.outputs["importance"], *lake, "--available-now", *_THRESHOLD)
    with applied.aws.enforcing():
        _job("chunker", chunker, environment, directory)
        # One commit per chunk, so that there is something to compact.
        _job("detector", ("--max-chunks", "1", *detector), environment, directory)
        yield Run(applied, roles)


def _job(name: str, arguments: tuple[str, ...], environment: dict[str, str], directory: Path) -> None:
    log = directory / f"{name}.log"
    process = processes.start([sys.executable, "-m", f"spark_jobs.{name}.cli", *arguments], log, environment)
    try:
        assert process.wait(120) == 0, log.read_text()
    except subprocess.TimeoutExpired:
        pytest.fail(f"{name} did not end: {log.read_text()}")
    finally:
        processes.stop(process)


def _assume_role(run: Run, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in run.roles[role].items():
        monkeypatch.setenv(name, value)


def test_the_jobs_role_is_enough_for_the_whole_pipeline(run: Run) -> None:
    found = run.client("jobs").get_object(Bucket=_LAKE, Key="lake/state/detector.json")
    heartbeat = json.loads(found["Body"].read())
    assert heartbeat["committed_line"] == heartbeat["landed_line"] == ROWS
    assert sum(heartbeat["detections"].values()) > 50, "too few detections for a file of 50"


def test_airflows_role_is_enough_for_the_dags(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _assume_role(run, "airflow", monkeypatch)
    storage = Storage(Settings(source=run.applied.outputs["source"], lake=run.lake))
    seen = Observer(storage.lake, storage.master_file, storage.now).observe()
    offset, size = seen.offset, seen.source_size
    assert offset
    assert (offset.source_size, offset.next_line, seen.committed_line) == (size, ROWS, ROWS)
    assert storage.master_file.matches(offset)
    assert storage.master_file.has_finished_line(offset.source_size - 1, offset.source_size)
    assert uncommitted_since(storage.lake, offset, CHUNK)
    assert seen.uncommitted_since is None
    assert (seen.quarantined, seen.window) == (0, ROWS)


def test_airflows_role_is_enough_for_the_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _assume_role(run, "airflow", monkeypatch)
    settings = Settings(source=run.applied.outputs["source"], lake=run.lake)
    storage = Storage(settings)
    reader = StateReader(run.lake, storage.delta_options)
    detections = reader.read().detections
    assert len(detections) > 50
    merchant = detections.rows["MerchantId"][0].as_py()
    assert len(reader.merchant_state(storage.lake, merchant).pairs) > 0
    assert [one.version for one in RuleVersions(storage.lake, reader.marks).read()] == [0]
    [path, *_] = [key for key in _keys(run, "lake/detections/") if key.endswith("_00000000.csv")]
    assert storage.lake.find(path.removeprefix("lake/"))
    LakeReader(settings, storage, lambda: datetime.now(UTC)).read()


def _keys(run: Run, prefix: str) -> list[str]:
    found = run.client("jobs").list_objects_v2(Bucket=_LAKE, Prefix=prefix)
    return [entry["Key"] for entry in found["Contents"]]


def test_the_jobs_role_is_enough_to_try_and_to_publish_rules(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _assume_role(run, "jobs", monkeypatch)
    rules = BUILT_IN_TOML.decode().replace(">= 80", ">= 2")
    assert what_if(["--lake", run.lake, "--rules-text", rules, "--from-line", "0", "--report", "r1"]) == 0
    assert publish_rules(["--lake", run.lake, "--report", "r1", "--author", "ann"]) == 0
    _assume_role(run, "airflow", monkeypatch)
    storage = Storage(Settings(source=run.applied.outputs["source"], lake=run.lake))
    assert find_report(storage.lake, "r1")


# Runs after the tests above: maintenance deletes what they read.
def test_the_jobs_role_is_enough_for_maintenance(run: Run, tmp_path: Path) -> None:
    """With `--keep-days 0`, everything below the committed line expires."""
    arguments = ("--lake", run.lake, "--keep-days", "0")
    _job("maintenance", arguments, run.roles["jobs"], tmp_path)
    summary = json.loads((tmp_path / "maintenance.log").read_text().strip().splitlines()[-1])
    assert summary["chunks_expired"] > 0


def test_the_jobs_role_is_enough_for_vacuum(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job keeps the files of the last day; here they are deleted, many per request."""
    _assume_role(run, "jobs", monkeypatch)
    table = DeltaTable(f"{run.lake}/{PAIRS}", storage_options={"AWS_ALLOW_HTTP": "true"})
    assert table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)


def test_the_jobs_role_is_enough_for_chunks_in_delta(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _assume_role(run, "jobs", monkeypatch)
    landing = DeltaLanding(f"{run.lake}/landing_zone/delta")
    rows = pd.DataFrame({"line": [0, 1], "customer": ["C1", "C2"]})
    assert landing.create(0, rows)
    assert landing.rows(0)["customer"].tolist() == ["C1", "C2"]
    for entry in run.client("jobs").list_objects_v2(Bucket=_LAKE, Prefix="lake/landing_zone/delta/")["Contents"]:
        run.client("jobs").delete_object(Bucket=_LAKE, Key=entry["Key"])


def test_the_jobs_role_is_enough_to_deliver_the_logs_of_a_cluster(run: Run) -> None:
    client, key = run.client("jobs"), "clusters/0101-000000-abc/driver/stdout"
    client.put_object(Bucket=_LOGS, Key=key, Body=b"log")
    assert client.list_objects_v2(Bucket=_LOGS, Prefix="clusters/0101-000000-abc/")["KeyCount"] == 1
    assert client.get_object(Bucket=_LOGS, Key=key)["Body"].read() == b"log"


def test_the_jobs_role_is_enough_for_the_lake_of_a_smoke_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies below smoke/, with its input."""
    _assume_role(run, "jobs", monkeypatch)
    lake = open_objects(f"s3://{_LAKE}/smoke/1")
    assert lake.create("transactions.csv", b"x")
    assert lake.find("offset.csv") is None
    assert list(lake.list_after("state", "")) == []
    lake.delete(["transactions.csv"])
    assert lake.find("transactions.csv") is None


def test_a_missing_object_is_not_found_rather_than_forbidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _assume_role(run, "jobs", monkeypatch)
    assert open_objects(run.lake).find("state/nothing") is None


_LAKE, _INCOMING = "transaction-patterns-dev-lake-123456789012", "transaction-patterns-dev-incoming-123456789012"
_LOGS = "transaction-patterns-dev-logs-123456789012"
_DENIED_TO_JOBS = [
    ("put_object", _INCOMING, {"Key": "transactions.csv"}),
    ("delete_object", _INCOMING, {"Key": "transactions.csv"}),
    ("get_object", _INCOMING, {"Key": "other.csv"}),
    ("list_objects_v2", _INCOMING, {"Prefix": "a"}),
    ("delete_object", _LAKE, {"Key": "lake/offset.csv"}),
    ("delete_object", _LAKE, {"Key": "lake/detections/detections_1_00000000.csv"}),
    ("get_object", _LAKE, {"Key": "lake/detections/detections_1_00000000.csv"}),
    ("put_object", _LAKE, {"Key": "elsewhere"}),
    ("put_object", _LAKE, {"Key": "lake/other"}),
    ("list_objects_v2", _LAKE, {"Prefix": "elsewhere/"}),
    ("delete_object", _LAKE, {"Key": "lake/state/pairs/x", "VersionId": "1"}),
    ("get_bucket_policy", _LAKE, {}),
    ("delete_bucket", _LAKE, {}),
    # Without If-None-Match.
    ("put_object", _LAKE, {"Key": "lake/rules/000001.toml"}),
    ("put_object", _LAKE, {"Key": "lake/what_if/r1/report.json"}),
    ("delete_object", _LAKE, {"Key": "lake/rules/000001.toml"}),
    ("delete_object", _LOGS, {"Key": "clusters/x"}),
    ("put_bucket_versioning", _LAKE, {"VersioningConfiguration": {"Status": "Suspended"}}),
]
_DENIED_TO_AIRFLOW = [
    ("put_object", _LAKE, {"Key": "lake/offset.csv"}),
    ("delete_object", _LAKE, {"Key": "lake/landing_zone/chunk_000000000000.csv"}),
    ("get_object", _LAKE, {"Key": "lake/landing_zone/chunk_000000001000.csv"}),
    ("list_objects_v2", _LAKE, {"Prefix": "elsewhere/"}),
    ("put_object", _LAKE, {"Key": "lake/state/detections/x"}),
    ("put_object", _LAKE, {"Key": "lake/rules/000002.toml", "IfNoneMatch": "*"}),
    ("get_object", _LAKE, {"Key": "lake/what_if/r1/differences.parquet"}),
    ("get_object", _INCOMING, {"Key": "CustomerImportance.csv"}),
    ("get_object", _LOGS, {"Key": "clusters/x"}),
    ("get_object", _LAKE, {"Key": "smoke/1/offset.csv"}),
    ("put_object", _INCOMING, {"Key": "transactions.csv"}),
]


@pytest.mark.parametrize(
    ("role", "call", "bucket", "arguments"),
    [
        *(("jobs", *call) for call in _DENIED_TO_JOBS),
        *(("airflow", *call) for call in _DENIED_TO_AIRFLOW),
    ],
)
def test_requests_that_the_code_does_not_make_are_denied(
    run: Run, role: str, call: str, bucket: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|403"):
        getattr(run.client(role), call)(Bucket=bucket, **arguments)


@pytest.mark.parametrize(
    ("role", "service", "call"),
    [
        ("jobs", "sns", "list_topics"),
        ("jobs", "secretsmanager", "list_secrets"),
        ("jobs", "iam", "list_roles"),
        ("airflow", "sns", "list_topics"),
        ("airflow", "secretsmanager", "list_secrets"),
        ("airflow", "iam", "list_roles"),
    ],
)
def test_other_services_are_denied(run: Run, role: str, service: str, call: str) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        getattr(run.client(role, service), call)()


def test_a_request_without_tls_is_denied(run: Run) -> None:
    def mark(request: Any, **_: Any) -> None:
        request.headers["X-Scheme"] = "http"

    client = run.client("jobs")
    client.meta.events.register("before-send.s3", mark)
    with pytest.raises(ClientError, match="403"):
        client.get_object(Bucket=_LAKE, Key="lake/offset.csv")
