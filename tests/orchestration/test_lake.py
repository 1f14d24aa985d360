"""The lake as the DAGs read it, in a local S3."""

from datetime import UTC, datetime

import pytest

from local.s3 import LocalS3
from orchestration.lake import Lake
from orchestration.settings import Settings
from spark_jobs.lake.heartbeat_history import Sample, format_history
from spark_jobs.lake.layout import HISTORY, OFFSET, chunk_path
from spark_jobs.lake.offset import Offset, format_offset, source_check
from tests.harness.pipeline import BUCKET

LANDED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def prefix(s3: LocalS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return str(request.node.name)


def put(s3: LocalS3, prefix: str, path: str, data: bytes = b"-") -> None:
    s3.client().put_object(Bucket=BUCKET, Key=f"{prefix}/{path}", Body=data)


def lake_at(prefix: str) -> Lake:
    return Lake(Settings(lake=f"s3://{BUCKET}/{prefix}"))


def test_a_chunk_file_says_when_it_was_landed(s3: LocalS3, prefix: str) -> None:
    put(s3, prefix, chunk_path(0))
    assert lake_at(prefix).landed_at(0)
    assert lake_at(prefix).landed_at(10) is None


@pytest.mark.parametrize("line", [b"C1,F,M1,food,1.00\n", b"C1,F,M1,food,1.00\n" * 1000], ids=["short", "long"])
def test_a_master_file_put_again_has_the_same_ends_and_a_changed_one_has_not(
    s3: LocalS3, prefix: str, line: bytes
) -> None:
    data = b"customer,gender,merchant,category,amount\n" + line
    check = source_check(data, data)
    seen = Offset(line.count(b"\n"), len(data), len(data), '"e"', LANDED_AT.isoformat(), check)
    lake = Lake(Settings(lake=f"s3://{BUCKET}/{prefix}", source=f"s3://{BUCKET}/{prefix}.csv"))
    for changed, expected in ((data, True), (data[:-2] + b"9\n", False), (data.replace(b"C1", b"C2", 1), False)):
        s3.client().put_object(Bucket=BUCKET, Key=f"{prefix}.csv", Body=changed)
        assert lake.has_same_ends(seen) is expected


def test_of_a_delta_landing_zone_nothing_waits_when_all_is_committed(s3: LocalS3, prefix: str) -> None:
    put(s3, prefix, "landing_zone/part-00000-1f6b.parquet")
    put(s3, prefix, OFFSET, format_offset(Offset(20, 200, 200, '"e"', LANDED_AT.isoformat(), "")))
    lake = lake_at(prefix)
    assert lake.landed_at(20) is None
    assert lake.landed_at(10) == LANDED_AT


def test_of_a_delta_landing_zone_the_detector_has_seen_since_when_a_line_waits(s3: LocalS3, prefix: str) -> None:
    put(s3, prefix, "landing_zone/part-00000-1f6b.parquet")
    put(s3, prefix, OFFSET, format_offset(Offset(20, 200, 200, '"e"', LANDED_AT.isoformat(), "")))
    samples = [Sample(minute, landed, 10, landed - 10, 0.0) for minute, landed in ((5, 10), (6, 15), (7, 20))]
    put(s3, prefix, HISTORY, format_history(samples))
    assert lake_at(prefix).landed_at(10) == datetime.fromtimestamp(6 * 60, UTC)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_lake_may_be_a_whole_bucket(s3: LocalS3, prefix: str, slash: str) -> None:
    assert prefix
    bucket = "whole-bucket" + ("-slash" if slash else "")
    s3.client().create_bucket(Bucket=bucket)
    for key, data in (
        (OFFSET, format_offset(Offset(9, 90, 90, "e", LANDED_AT.isoformat(), ""))),
        (chunk_path(0), b"-"),
    ):
        s3.client().put_object(Bucket=bucket, Key=key, Body=data)
    lake = Lake(Settings(lake=f"s3://{bucket}{slash}"))
    offset = lake.offset()
    assert offset
    assert offset.next_line == 9
    assert lake.landed_at(0)
    assert [found.path for found in lake.list_after("landing_zone", "")] == [chunk_path(0)]
