"""Whatever is killed, stopped, paused or started twice: it heals by itself, loses nothing, and people are told once."""

import signal
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from local.bucket import BUCKET, IMPORTANCE_KEY
from local.jobs import CHUNKER, DETECTOR
from tests.faults.running import Running
from tests.processes.pipeline import Pipeline

pytestmark = [pytest.mark.processes, pytest.mark.faults]


@pytest.fixture(autouse=True)
def _well_before_and_after(running: Running) -> None:
    running.append()
    running.wait_until_all_is_well()
    running.told.clear()


def test_what_is_appended_is_landed_and_committed(running: Running) -> None:
    running.append()
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()
    assert running.told == []


def test_a_killed_detector_is_started_again(running: Running) -> None:
    [run] = running.live_runs(DETECTOR)
    for process in running.detector_processes():
        process.kill()
    running.append()
    running.wait_until_all_is_committed()
    [again] = running.live_runs(DETECTOR)
    assert again.run_id != run.run_id


def test_a_detector_that_does_not_move_is_cancelled_and_starts_again(running: Running) -> None:
    [run] = running.live_runs(DETECTOR)
    for process in running.detector_processes():
        process.suspend()
    running.append()
    running.supervise_until(lambda: running.times_told("RESOLVED detector-stuck"))
    running.wait_until_all_is_committed()
    [again] = running.live_runs(DETECTOR)
    assert again.run_id != run.run_id
    assert running.times_told("WARNING detector-stuck") == 1


def test_a_paused_job_is_unpaused(running: Running) -> None:
    job_id = running.stack.job_ids[DETECTOR]
    paused = jobs.JobSettings(continuous=jobs.Continuous(pause_status=jobs.PauseStatus.PAUSED))
    running.stack.workspace.jobs.update(job_id, new_settings=paused)
    running.stack.workspace.jobs.cancel_all_runs(job_id=job_id)
    running.wait(lambda: not running.live_runs(DETECTOR))
    running.append()
    running.supervise_until(lambda: running.times_told("RESOLVED detector-paused"))
    running.wait_until_all_is_committed()
    assert running.times_told("WARNING detector-paused") == 1


def test_a_second_detector_ends_and_says_why(running: Running) -> None:
    wheel = jobs.PythonWheelTask(
        "transaction-patterns",
        "detector",
        parameters=[
            f"--lake={running.pipeline.lake}",
            f"--importance=s3://{BUCKET}/{IMPORTANCE_KEY}",
            f"--threshold={running.stack.workspace.jobs.get(running.stack.job_ids[DETECTOR]).settings.parameters[1].default}",  # type: ignore[union-attr,index]
        ],
    )
    workspace = running.stack.workspace
    second = workspace.jobs.submit(run_name="second", tasks=[jobs.SubmitTask("main", python_wheel_task=wheel)]).run_id

    def is_over() -> bool:
        # They race for each chunk.
        if running.status().committed_line == running.rows:
            running.append(100)
        return bool(workspace.jobs.get_run(second).end_time)

    running.wait(is_over)
    running.wait_until_all_is_committed()
    said = [log.read_text() for log in Path(running.pipeline.directory / "databricks" / "logs").glob("*.log")]
    assert any("a second detector runs on" in log for log in said)


@pytest.mark.parametrize("component", ["scheduler", "triggerer", "api-server"])
def test_a_component_of_airflow_killed_in_the_middle_of_a_run_comes_back(running: Running, component: str) -> None:
    running.append()
    running.wait(lambda: running.live_runs(CHUNKER))
    running.stack.airflow.components[component].send_signal(signal.SIGKILL)
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()


def test_a_databricks_killed_in_the_middle_of_a_run_comes_back(running: Running) -> None:
    running.append()
    running.wait(lambda: running.live_runs(CHUNKER))
    running.stack.databricks.process.kill()
    running.wait_until_all_is_committed()
    running.assert_lines_are_landed_once_each_in_order()


def test_after_all_this_the_lake_is_that_of_an_undisturbed_run(running: Running, tmp_path: Path) -> None:
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
