import json
import random
import shutil
from collections import Counter
from collections.abc import Callable

import pytest

from local import processes
from spark_jobs.lake.heartbeat_history import parse_history
from tests.harness.pipeline import Pipeline, wait_until
from tests.harness.warm import WarmProcess
from tests.integration.processes.conftest import ROWS

pytestmark = pytest.mark.processes

Landed = Callable[[], Pipeline]


def test_all_patterns_occur_and_files_match_the_table(undisturbed: Pipeline) -> None:
    assert undisturbed.committed_line() == ROWS
    counts = Counter(str(row["patternId"]) for row in undisturbed.found())
    assert set(counts) == {"PatId1", "PatId2", "PatId3"}
    assert sum(counts.values()) > 100
    undisturbed.assert_files_are_the_table()


def test_the_heartbeat_has_the_progress_of_the_detector(undisturbed: Pipeline) -> None:
    heartbeat = json.loads(undisturbed.read("undisturbed/state/detector.json"))
    found = undisturbed.found()
    assert heartbeat["committed_line"] == heartbeat["landed_line"] == ROWS
    assert heartbeat["lag_lines"] == 0
    assert heartbeat["detections"] == Counter(row["patternId"] for row in found)
    assert heartbeat["waiting"] == len(found) % 50
    history = parse_history(undisturbed.read("undisturbed/state/detector_history.json"), "history")
    assert (history[-1].landed_line, history[-1].committed_line) == (ROWS, ROWS)


def test_the_merchants_table_counts_customers(undisturbed: Pipeline) -> None:
    customers: Counter[object] = Counter(row[0] for row in undisturbed.state())
    rows = undisturbed.table("merchants").to_pyarrow_table().sort_by("line").to_pylist()
    assert {row["merchant"]: row["customers"] for row in rows} == customers


def test_a_kill_at_random_and_a_lost_checkpoint_lose_and_duplicate_nothing(
    landed: Landed, undisturbed: Pipeline, importance: str, spark: WarmProcess
) -> None:
    pipeline, moments = landed(), random.Random(1)
    detector = pipeline.start_detector("--importance", importance, "--max-chunks", "2")
    try:
        wait_until(lambda: pipeline.committed_line() >= 15_000, [detector])
        # Anywhere in the next micro-batch.
        wait_until(lambda: moments.random() < 0.1)
        detector.kill()
    finally:
        processes.kill_session(detector)
        detector.wait()
    shutil.rmtree(pipeline.directory / "scratch")  # the checkpoint with it

    assert pipeline.committed_line() < ROWS
    assert pipeline.detect(spark, "--importance", importance, "--available-now") == 0, pipeline.output()
    assert pipeline.found() == undisturbed.found()
    assert pipeline.state() == undisturbed.state()
    pipeline.assert_files_are_the_table()


@pytest.mark.slow
def test_it_waits_for_the_first_chunk_and_stops_within_10_seconds_after_a_whole_batch(
    empty: Pipeline, landed: Landed, undisturbed: Pipeline, importance: str
) -> None:
    pipeline = empty
    detector = pipeline.start_detector("--importance", importance, "--max-chunks", "1")
    try:
        # Spark starts with an empty batch.
        wait_until(lambda: any(pipeline.directory.glob("scratch/detector-checkpoint-*/commits/0")), [detector])
        assert pipeline.committed_line() == 0
        landed()
        wait_until(lambda: pipeline.committed_line() >= 5_000, [detector])
        detector.terminate()
        assert detector.wait(10) == 0
    finally:
        processes.stop(detector)
    stopped_at = pipeline.committed_line()
    assert pipeline.table("pairs").transaction_version("detector") == stopped_at
    assert pipeline.found() == [row for row in undisturbed.found() if int(str(row["line"])) <= stopped_at]


@pytest.mark.slow
def test_one_of_two_detectors_stops_with_an_error_and_nothing_is_duplicated(
    landed: Landed, undisturbed: Pipeline, importance: str, spark: WarmProcess
) -> None:
    pipeline = landed()
    one = pipeline.start_detector("--importance", importance, "--max-chunks", "1")
    try:
        wait_until(lambda: pipeline.committed_line() > 0, [one])
        other = pipeline.detect(spark, "--importance", importance, "--max-chunks", "1", "--available-now")
        # Either may lose the race for a chunk.
        assert other in (0, 70), pipeline.output()
        if other == 0:
            assert one.wait(60) == 70
    finally:
        processes.stop(one)
    assert "a second detector runs on" in pipeline.output()
    assert pipeline.detect(spark, "--importance", importance, "--available-now") == 0, pipeline.output()
    assert pipeline.found() == undisturbed.found()
    assert pipeline.state() == undisturbed.state()
    pipeline.assert_files_are_the_table()


@pytest.mark.slow
def test_a_gap_in_the_landing_zone_stops_the_detector_naming_the_line(
    landed: Landed, importance: str, spark: WarmProcess
) -> None:
    pipeline = landed()
    pipeline.s3.client().delete_object(
        Bucket="transactions", Key=f"{pipeline.name}/landing_zone/chunk_000000020000.csv"
    )
    assert pipeline.detect(spark, "--importance", importance, "--max-chunks", "10") == 70
    output = pipeline.output()
    assert "chunk_000000019000.csv: must have lines 19000 to 20999, has 1000 rows" in output
    assert '"error": "LandingZoneError", "retryable": false' in output
