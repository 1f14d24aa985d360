"""The chunker as a process on a local S3."""

import json
import re
from pathlib import Path

import pytest

from local.s3 import LocalS3
from tests.harness.pipeline import BUCKET, Pipeline, wait_until
from tests.integration.processes.conftest import CHUNK, ROWS

pytestmark = pytest.mark.processes


def test_a_killed_chunker_lands_every_line_once(s3: LocalS3, sample: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(s3, "killed-chunker", tmp_path)
    source = pipeline.upload("t.csv", sample / "transactions.csv")
    chunker = pipeline.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "60")
    wait_until(lambda: len(pipeline.keys("landing_zone/")) >= 5, [chunker])
    chunker.kill()
    chunker.wait()
    assert len(pipeline.keys("landing_zone/")) < ROWS / CHUNK
    assert pipeline.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "60").wait() == 0
    assert landed_lines(pipeline) == list(range(ROWS))


def test_a_chunker_follows_a_growing_file_until_it_is_stopped_and_takes_over_from_a_killed_one(
    s3: LocalS3, sample: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline(s3, "following-chunker", tmp_path)
    lines = (sample / "transactions.csv").read_bytes().splitlines(keepends=True)
    following = ("--chunk-size", str(CHUNK), "--follow-seconds", "600", "--interval-seconds", "1")

    def upload(rows: int) -> str:
        s3.client().put_object(Bucket=BUCKET, Key="following.csv", Body=b"".join(lines[: rows + 1]))
        return f"s3://{BUCKET}/following.csv"

    killed = pipeline.start_chunker(upload(20_000), *following)
    wait_until(lambda: len(pipeline.keys("landing_zone/")) >= 5, [killed])
    killed.kill()
    killed.wait()
    assert len(pipeline.keys("landing_zone/")) < 20
    (tmp_path / "chunker.log").unlink()
    # The one that was to take over, and one too many.
    chunkers = [pipeline.start_chunker(upload(20_000), *following) for _ in range(2)]
    wait_until(lambda: len(pipeline.keys("landing_zone/")) == 20, chunkers)
    upload(20_500)
    wait_until(lambda: len(pipeline.keys("landing_zone/")) == 21, chunkers)
    for chunker in chunkers:
        chunker.terminate()
    assert {chunker.wait() for chunker in chunkers} <= {0, 10}
    assert landed_lines(pipeline) == list(range(20_500))
    said = [json.loads(line) for line in (tmp_path / "chunker.log").read_text().splitlines()]
    summaries = [one for one in said if "outcome" in one and "event" not in one]
    assert len(summaries) == 2
    assert sum(one["chunks"] for one in summaries) == sum(one.get("event") == "chunk landed" for one in said)


@pytest.mark.slow
def test_concurrent_chunkers_lose_and_duplicate_nothing_and_the_losers_report_it(
    s3: LocalS3, sample: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline(s3, "side-by-side", tmp_path)
    source = pipeline.upload("t.csv", sample / "transactions.csv")
    codes: set[int] = set()
    while 10 not in codes:
        runs = [pipeline.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "20") for _ in range(3)]
        codes = {run.wait() for run in runs}
        assert codes <= {0, 10, 75}
    log = (tmp_path / "chunker.log").read_text()
    assert "another chunker run advanced it first" in log
    assert landed_lines(pipeline) == list(range(ROWS))


def landed_lines(pipeline: Pipeline) -> list[int]:
    """Return the line numbers in all chunks, in order of the files."""
    return [
        int(line)
        for key in pipeline.keys("landing_zone/")
        for line in re.findall(rb"^(\d+),", pipeline.read(key), re.MULTILINE)
    ]
