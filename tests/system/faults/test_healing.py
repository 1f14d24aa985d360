"""The system recovers from any failure by itself, loses no line, and sends each alert once."""

import signal
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from local.bucket import BUCKET, IMPORTANCE_KEY
from local.jobs import CHUNKER, DETECTOR
from tests.harness.pipeline import Pipeline
from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _well_before(running: Running) -> None:
    running.append(100)
    running.wait_until_all_is_well()
    running.notified.clear()


def test_appended_lines_are_landed_and_committed_without_an_alert(running: Running) -> None:
    running.append()
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()
    assert running.notified == []


@pytest.mark.parametrize("components", [("scheduler",), ("api-server", "triggerer")], ids=" and ".join)
def test_killed_components_of_airflow_recover(running: Running, components: tuple[str, ...]) -> None:
    running.append()
    running.wait(lambda: running.live_runs(CHUNKER))
    for component in components:
        running.stack.airflow.components[component].send_signal(signal.SIGKILL)
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()


# Must follow tests that leave the detector alone, so that its run is old enough to be judged.
def test_a_stuck_detector_is_cancelled_and_restarted(running: Running) -> None:
    [run] = running.live_runs(DETECTOR)
    for process in running.job_processes(DETECTOR):
        process.suspend()
    running.append()
    running.watch_until(lambda: running.times_notified("RESOLVED detector-stuck"))
    running.wait_until_all_is_committed()
    [again] = running.live_runs(DETECTOR)
    assert again.run_id != run.run_id
    running.assert_told_once("detector-stuck")


def test_a_paused_job_is_unpaused(running: Running) -> None:
    job_id = running.stack.job_ids[DETECTOR]
    paused = jobs.JobSettings(continuous=jobs.Continuous(pause_status=jobs.PauseStatus.PAUSED))
    running.stack.workspace.jobs.update(job_id, new_settings=paused)
    running.stack.workspace.jobs.cancel_all_runs(job_id=job_id)
    running.wait(lambda: not running.live_runs(DETECTOR))
    running.append()
    running.watch_until(lambda: running.times_notified("RESOLVED detector-paused"))
    running.wait_until_all_is_committed()
    running.assert_told_once("detector-paused")


def test_a_killed_detector_is_restarted(running: Running) -> None:
    [run] = running.live_runs(DETECTOR)
    for process in running.job_processes(DETECTOR):
        process.kill()
    running.append()
    running.wait_until_all_is_committed()
    [again] = running.live_runs(DETECTOR)
    assert again.run_id != run.run_id


def test_a_killed_databricks_recovers(running: Running) -> None:
    running.append()
    running.wait(lambda: running.live_runs(CHUNKER))
    running.stack.databricks.process.kill()
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()


def test_after_all_faults_the_lake_equals_that_of_an_undisturbed_run(running: Running, tmp_path: Path) -> None:
    undisturbed = Pipeline(running.pipeline.s3, "undisturbed-by-faults", tmp_path)
    for key in [*running.pipeline.keys("landing_zone/"), f"{running.pipeline.name}/offset.csv"]:
        target = key.replace(running.pipeline.name, undisturbed.name, 1)
        running.pipeline.s3.client().copy({"Bucket": BUCKET, "Key": key}, BUCKET, target)
    detector = undisturbed.start_detector("--importance", f"s3://{BUCKET}/{IMPORTANCE_KEY}", "--available-now")
    assert detector.wait(120) == 0, undisturbed.log.read_text()
    assert len(running.pipeline.found()) > 50
    assert running.pipeline.found() == undisturbed.found()
    assert running.pipeline.state() == undisturbed.state()
    running.pipeline.assert_files_are_the_table()
