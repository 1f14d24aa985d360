"""Replays as processes: the same chunks give the same detections, and the lake is unchanged."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local import processes
from tests.harness.pipeline import BUCKET, Pipeline, wait_until
from tests.harness.warm import WarmProcess
from tests.integration.processes.conftest import ROWS

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture
def output(undisturbed: Pipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """An empty place for the output of `replay`."""
    return Pipeline(undisturbed.s3, request.node.name.replace("[", "-").strip("]"), tmp_path)


@pytest.fixture
def replay(undisturbed: Pipeline, output: Pipeline, spark: WarmProcess) -> Callable[..., int]:
    """A function that replays the undisturbed lake through its landed line and returns the exit code."""

    def run(*arguments: str) -> int:
        into = ("--output", output.lake, "--available-now", *arguments)
        return replace(output, name=undisturbed.name).detect(spark, *into)

    return run


def etags(pipeline: Pipeline) -> dict[str, str]:
    """Return ETag and modification time of every object of a lake."""
    pages = pipeline.s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{pipeline.name}/")
    return {
        entry["Key"]: f"{entry['ETag']} {entry['LastModified']}" for page in pages for entry in page.get("Contents", [])
    }


def merchants(pipeline: Pipeline) -> list[dict[str, object]]:
    rows = pipeline.table("merchants").to_pyarrow_table().sort_by([("line", "ascending"), ("merchant", "ascending")])
    return list(rows.to_pylist())


def files_without_times(pipeline: Pipeline) -> list[list[str]]:
    """Return the lines of each file of 50, in order, without the two columns of times."""
    keys = sorted(pipeline.keys("detections/"), key=lambda key: key.rpartition("_")[2])
    return [[line.split(",", 2)[2] for line in pipeline.read(key).decode().splitlines()] for key in keys]


def assert_same(output: Pipeline, undisturbed: Pipeline) -> None:
    assert output.found() == undisturbed.found()
    assert output.state() == undisturbed.state()
    assert merchants(output) == merchants(undisturbed)
    assert files_without_times(output) == files_without_times(undisturbed)
    output.assert_files_are_the_table()


def test_a_replay_from_line_0_finds_the_same_and_leaves_the_lake_unchanged(
    undisturbed: Pipeline, output: Pipeline, importance: str, replay: Callable[..., int]
) -> None:
    before = etags(undisturbed)
    assert replay("--importance", importance, "--max-chunks", "7") == 0, output.output()
    assert_same(output, undisturbed)
    assert etags(undisturbed) == before
    assert json.loads(output.read(f"{output.name}/state/detector.json"))["lag_lines"] == 0


def test_a_killed_replay_from_a_kept_line_continues_and_finds_the_same(
    undisturbed: Pipeline, output: Pipeline, importance: str, replay: Callable[..., int]
) -> None:
    before = etags(undisturbed)
    arguments = ("--importance", importance, "--max-chunks", "2", "--from-line", "20000")
    detector = replace(output, name=undisturbed.name).start_detector("--output", output.lake, *arguments)
    try:
        wait_until(lambda: output.committed_line() >= 30_000, [detector])
        detector.kill()
    finally:
        processes.kill_session(detector)
        detector.wait()
    assert output.committed_line() < ROWS
    assert replay(*arguments) == 0, output.output()
    assert_same(output, undisturbed)
    assert etags(undisturbed) == before


def test_other_thresholds_apply_from_the_first_replayed_line(
    undisturbed: Pipeline, output: Pipeline, importance: str, replay: Callable[..., int]
) -> None:
    arguments = ("--importance", importance, "--from-line", "20000", "--threshold", "child_transactions=20")
    assert replay(*arguments) == 0, output.output()
    until_then = [row for row in undisturbed.found() if int(str(row["line"])) <= 20_000]
    assert output.found()[: len(until_then)] == until_then
    children = [row for row in output.found()[len(until_then) :] if row["patternId"] == "PatId2"]
    assert children
    assert all(row["thresholds"]["transactions >= 20"] == 20 for row in children)  # type: ignore[index]
    assert len(output.found()) < len(undisturbed.found())
    # Omit the columns of reported patterns.
    totals = ({row[:-2] for row in pipeline.state()} for pipeline in (output, undisturbed))
    assert next(totals) == next(totals), "totals do not depend on thresholds"


def test_a_line_without_state_is_refused_naming_the_nearest(
    undisturbed: Pipeline, output: Pipeline, replay: Callable[..., int]
) -> None:
    assert replay("--from-line", "39999") == 70
    said = output.output()
    assert f"--from-line 39999: {undisturbed.lake} keeps no state of this line; the nearest" in said
    assert "is 40000" in said
    assert '"error": "ReplayError", "retryable": false' in said


def test_from_line_without_output_exits_with_2(undisturbed: Pipeline, output: Pipeline, spark: WarmProcess) -> None:
    assert replace(output, name=undisturbed.name).detect(spark, "--from-line", "20000") == 2
    assert "--from-line needs --output" in output.output()
