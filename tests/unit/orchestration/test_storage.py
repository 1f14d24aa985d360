"""The lake as Airflow reads it, in a local S3."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from local.s3 import LocalS3
from orchestration.settings import parse_settings
from orchestration.storage import Patience, Storage
from pattern_page.state_reader import StateReader
from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.lake import layout
from spark_jobs.lake.heartbeat_history import Sample, write_history
from spark_jobs.lake.landing_times import uncommitted_since
from spark_jobs.lake.layout import chunk_path
from spark_jobs.lake.offset import Offset, format_offset, read_landed_line, source_check
from tests.harness.pipeline import BUCKET

LANDED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
OFFSET = Offset(20, 200, 200, '"e"', LANDED_AT.isoformat(), "")


@contextmanager
def refusing_s3() -> Iterator[str]:
    """Run an S3 that denies everything, a HEAD without a reason; yield its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def storage(s3: LocalS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Storage:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/{request.node.name.partition('[')[0]}"
    return Storage(parse_settings({"lake": url, "source": f"{url}.csv"}))


def test_a_chunk_has_the_time_at_which_it_was_landed(storage: Storage) -> None:
    storage.lake.write(chunk_path(10), b"-")
    landed_at = uncommitted_since(storage.lake, OFFSET, 10)
    assert landed_at
    assert abs((datetime.now(UTC) - landed_at).total_seconds()) < 60
    assert uncommitted_since(storage.lake, OFFSET, 20) is None


@pytest.mark.parametrize("line", [b"C1,F,M1,food,1.00\n", b"C1,F,M1,food,1.00\n" * 1000], ids=["short", "long"])
def test_a_master_file_uploaded_again_matches_its_offset_and_a_changed_one_does_not(
    storage: Storage, line: bytes
) -> None:
    data = b"customer,gender,merchant,category,amount\n" + line
    offset = Offset(line.count(b"\n"), len(data), len(data), '"e"', LANDED_AT.isoformat(), source_check(data, data))
    master_file = storage.master_file
    for content, expected in ((data, True), (data[:-2] + b"9\n", False), (data.replace(b"C1", b"C2", 1), False)):
        master_file.folder.write(master_file.name, content)
        assert master_file.matches(offset) is expected
    assert master_file.has_finished_line(0, len(data))
    assert not master_file.has_finished_line(len(data), len(data))


def test_in_a_delta_landing_zone_a_line_waits_since_the_detector_saw_it(storage: Storage) -> None:
    storage.lake.write("landing_zone/part-00000-1f6b.parquet", b"-")
    assert uncommitted_since(storage.lake, OFFSET, 20) is None
    storage.lake.write(layout.OFFSET, format_offset(OFFSET))
    landed = storage.lake.head(layout.OFFSET)
    assert landed
    assert uncommitted_since(storage.lake, OFFSET, 10) == landed.modified_at
    samples = [Sample(minute, landed, 10, landed - 10, 0.0) for minute, landed in ((5, 10), (6, 15), (7, 20))]
    write_history(storage.lake, samples)
    assert uncommitted_since(storage.lake, OFFSET, 10) == datetime.fromtimestamp(6 * 60, UTC)


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_lake_may_be_a_whole_bucket(s3: LocalS3, slash: str) -> None:
    bucket = f"whole-bucket{len(slash)}"
    s3.client().create_bucket(Bucket=bucket)
    for key, data in ((layout.OFFSET, format_offset(OFFSET)), (chunk_path(0), b"-")):
        s3.client().put_object(Bucket=bucket, Key=key, Body=data)
    lake = Storage(parse_settings({"lake": f"s3://{bucket}{slash}"})).lake
    assert read_landed_line(lake) == OFFSET.next_line
    assert uncommitted_since(lake, OFFSET, 0)
    assert list(lake.list_after(layout.LANDING_ZONE, "")) == [chunk_path(0)]


def test_a_connection_without_credentials_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(StorageRefusedError, match="no AWS credentials found; set the setting `aws_connection`"):
        Storage(parse_settings({}))


def test_a_connection_that_cannot_be_read_is_not_replaced_by_the_credentials_of_the_machine(
    s3: LocalS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match="connection lake cannot be read; create it, or fix the setting"):
        Storage(parse_settings({"aws_connection": "lake"}))


def test_an_endpoint_that_refuses_connections_fails_soon_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1", "aws_session_token": "canary-token"}
    connection = {"conn_type": "aws", "login": "AKIA", "password": "canary-secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
    storage = Storage(parse_settings({"aws_connection": "lake"}), Patience(1, 1, 2, retries=0))
    assert storage.delta_options()["AWS_SESSION_TOKEN"] == "canary-token"
    with pytest.raises(StorageError) as failed:
        storage.lake.find("offset.csv")
    assert "canary" not in str(failed.value)
    with pytest.raises(StorageError, match=r"S3 did not say what time it is .EndpointConnectionError.") as failed:
        storage.now()
    assert "canary" not in str(failed.value)


def test_the_time_is_that_of_s3_even_if_it_refuses_the_request(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.lake.write("x", b"-")
    written = storage.lake.head("x")
    assert written
    assert abs((storage.now() - written.modified_at).total_seconds()) < 10
    dates = {"date": "Thu, 01 Jan 2026 00:00:45 GMT"}
    refusal = ClientError({"ResponseMetadata": {"HTTPHeaders": dates}}, "HeadBucket")
    refusing = Storage(parse_settings({"lake": storage.lake.url}))
    monkeypatch.setattr(refusing._client, "head_bucket", Mock(side_effect=refusal))
    assert 0 <= (refusing.now() - datetime(2026, 1, 1, 0, 0, 45, tzinfo=UTC)).total_seconds() < 10


@pytest.mark.parametrize(
    ("connection", "named"),
    [("lake", "the role or user of the Airflow connection `lake`"), ("", "this role or user, see terraform")],
)
def test_a_refusal_names_what_to_grant_the_permission_to(
    connection: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing_s3() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        value = {"conn_type": "aws", "login": "k", "password": "s", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(value))
        storage = Storage(parse_settings({"aws_connection": connection}))
        tables = StateReader("s3://bucket/lake", storage.delta_options, storage.access)
        for read in (lambda: storage.lake.find("offset.csv"), storage.master_file.head, tables.read):
            with pytest.raises(StorageRefusedError, match=r"\(AccessDenied: Denied\); grant it to") as refused:
                read()
            assert named in str(refused.value)
