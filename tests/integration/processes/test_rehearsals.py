"""Rehearsals of the runbook's repairs, step by step; `test_replay` has the replays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.pipeline import BUCKET, Pipeline
from tests.harness.warm import WarmProcess
from tests.integration.processes.conftest import CHUNK, ROWS

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture
def lake(undisturbed: Pipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """A copy of the undisturbed lake."""
    pipeline = Pipeline(undisturbed.s3, request.node.name, tmp_path)
    copy(undisturbed, pipeline, "")
    return pipeline


def copy(source: Pipeline, target: Pipeline, folder: str) -> None:
    """Do what `aws s3 cp --recursive` does."""
    for key in source.keys(folder):
        into = key.replace(source.name, target.name, 1)
        source.s3.client().copy({"Bucket": BUCKET, "Key": key}, BUCKET, into)


def move(source: Pipeline, target: Pipeline, folder: str) -> None:
    """Do what `aws s3 mv --recursive` does."""
    copy(source, target, folder)
    for key in source.keys(folder):
        source.s3.client().delete_object(Bucket=BUCKET, Key=key)


def test_the_state_is_restored_to_a_line_and_continued(
    lake: Pipeline, undisturbed: Pipeline, importance: str, spark: WarmProcess
) -> None:
    restored, before = replace(lake, name=f"{lake.name}-restored"), replace(lake, name=f"{lake.name}-before")
    to = ("--output", restored.lake, "--from-line", "20000", "--until-line", "20000")
    assert lake.detect(spark, "--importance", importance, *to) == 0, lake.output()
    assert restored.table("pairs").transaction_version("detector") == 20_000
    restored.assert_files_are_the_table()

    for folder in ("state/", "detections/"):
        move(lake, before, folder)
        copy(restored, lake, folder)
    lake.s3.client().delete_object(Bucket=BUCKET, Key=f"{lake.name}/state/replay.json")

    assert lake.detect(spark, "--importance", importance, "--available-now") == 0, lake.output()
    assert lake.committed_line() == ROWS
    assert lake.found() == undisturbed.found()
    assert lake.state() == undisturbed.state()
    lake.assert_files_are_the_table()
    assert before.found() == undisturbed.found(), "the moved state is complete"


@pytest.fixture
def versions(lake: Pipeline) -> Iterator[None]:
    """Enable versioning of the bucket, as in the cloud."""
    client = lake.s3.client()
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.usefixtures("versions")
def test_a_corrupt_chunk_stops_the_detector_until_its_version_is_restored(
    lake: Pipeline, undisturbed: Pipeline, importance: str, spark: WarmProcess
) -> None:
    for folder in ("state/", "detections/"):
        move(lake, replace(lake, name=f"{lake.name}-unused"), folder)
    client, key = lake.s3.client(), f"{lake.name}/landing_zone/chunk_000000020000.csv"
    # Write it again, now versioned; then lose half of it.
    whole = lake.read(key)
    client.put_object(Bucket=BUCKET, Key=key, Body=whole)
    client.put_object(Bucket=BUCKET, Key=key, Body=whole[: len(whole) // 2])

    assert lake.detect(spark, "--importance", importance, "--max-chunks", "10") == 70
    said = lake.output()
    assert "landing_zone/chunk_000000020000.csv: " in said
    assert "restore it from the bucket's versions" in said
    assert lake.committed_line() == 20_000, "exactly the chunks before it are committed"

    found = client.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    [good] = {
        version["VersionId"] for version in found if version["Size"] == len(whole) and not version["IsLatest"]
    } - {"null"}
    client.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": key, "VersionId": good})

    assert lake.detect(spark, "--importance", importance, "--available-now") == 0
    assert lake.found() == undisturbed.found()
    assert lake.state() == undisturbed.state()


def test_a_chunk_lands_again_with_the_same_bytes(lake: Pipeline) -> None:
    again = replace(lake, name=f"{lake.name}-again")
    source = f"s3://{BUCKET}/undisturbed-t.csv"
    chunker = again.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "21")
    assert chunker.wait(60) == 0
    name = "landing_zone/chunk_000000020000.csv"
    assert again.read(f"{again.name}/{name}") == lake.read(f"{lake.name}/{name}")
