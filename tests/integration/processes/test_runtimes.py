"""The jobs on the packages of each Databricks Runtime; the newest is the environment of all other tests."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from local import processes
from local.databricks.server import local_databricks
from tests.harness.pipeline import ROOT, THRESHOLDS, Pipeline, detector_environment, wait_until
from tests.harness.runtimes import DATABRICKS_17_3, RUNTIMES, runtime_python
from tests.integration.local.databricks.conftest import attempt_of, cancelled, ended, state_of
from tests.integration.processes.conftest import CHUNK

# The first run downloads half a gigabyte.
pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]

Landed = Callable[[], Pipeline]
# The store's own tests do not depend on these packages. Newer runtimes differ from the environment of all other tests
# in Spark alone, which the processes below use.
_UNIT_TESTS = [
    f"tests/unit/{path}"
    for path in ("chunker/test_land.py", "detector", "engine", "kernel", "lake", "maintenance", "patterns")
]
_VERSIONS = """
import importlib.metadata, json, sys
names = ("pyspark", "pandas", "numpy", "pyarrow")
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], **{n: importlib.metadata.version(n) for n in names}}))
"""


@pytest.fixture(scope="module", params=RUNTIMES, ids=lambda runtime: runtime.group)
def python(request: pytest.FixtureRequest) -> str:
    return runtime_python(request.param)


@pytest.fixture(scope="module")
def oldest() -> str:
    return runtime_python(DATABRICKS_17_3)


def test_the_oldest_runtime_keeps_its_own_packages(oldest: str) -> None:
    versions = subprocess.run([oldest, "-c", _VERSIONS], stdout=subprocess.PIPE, check=True, text=True).stdout
    own = {"python": "3.12", "pyspark": "4.0.0", "pandas": "2.2.3", "numpy": "2.1.3", "pyarrow": "19.0.1"}
    assert json.loads(versions) == own


def test_the_unit_tests_of_the_jobs_pass_on_the_oldest_runtime(oldest: str) -> None:
    command = [oldest, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *_UNIT_TESTS]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_the_chunker_lands_the_same_bytes_on_the_oldest_runtime(
    oldest: str, empty: Pipeline, undisturbed: Pipeline, sample: Path
) -> None:
    source = empty.upload("t.csv", sample / "transactions.csv")
    chunker = empty.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "60", python=oldest)
    assert chunker.wait(120) == 0, (empty.directory / "chunker.log").read_text()
    keys = undisturbed.keys("landing_zone/")
    assert empty.keys("landing_zone/") == [key.replace(undisturbed.name, empty.name) for key in keys]
    for key in keys:
        assert empty.read(key.replace(undisturbed.name, empty.name)) == undisturbed.read(key)


def test_detections_are_the_same(python: str, landed: Landed, undisturbed: Pipeline, importance: str) -> None:
    pipeline = landed()
    detector = pipeline.start_detector(
        "--importance", importance, "--max-chunks", "20", "--available-now", python=python
    )
    try:
        assert detector.wait(180) == 0, pipeline.log.read_text()
    finally:
        processes.stop(detector)
    assert pipeline.log.read_text().count("batch committed") == 3, "60 chunks, at most 20 per micro-batch"
    assert pipeline.found() == undisturbed.found()
    assert pipeline.state() == undisturbed.state()
    pipeline.assert_files_are_the_table()


@pytest.fixture(scope="module")
def databricks(
    oldest: str, undisturbed: Pipeline, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkspaceClient]:
    """A local Databricks that runs wheel tasks in cells of the runtime's ipykernel."""
    environment = {**detector_environment(undisturbed.s3), "PYSPARK_WORKER_PYTHON": oldest}
    arguments = ("--runtime-python", oldest, "--grace", "60")
    with local_databricks(tmp_path_factory.mktemp("databricks"), environment, arguments=arguments) as server:
        yield WorkspaceClient(host=server.host, token=server.token)


def submit(client: WorkspaceClient, entry_point: str, *parameters: str) -> int:
    """Start a run of an entry point; return its id."""
    wheel = jobs.PythonWheelTask(package_name="transaction-patterns", entry_point=entry_point, parameters=[*parameters])
    run = client.jobs.submit(run_name=entry_point, tasks=[jobs.SubmitTask("main", python_wheel_task=wheel)])
    assert run.run_id
    return run.run_id


def result(client: WorkspaceClient, run_id: int) -> tuple[str, str, str]:
    """Await the end of a run; return its result, its error and its output."""
    run = ended(client, run_id)
    output = client.jobs.get_run_output(attempt_of(run))
    return state_of(run)[1], output.error or "", output.logs or ""


def test_in_a_kernels_cell_a_returned_10_succeeds_and_system_exit_fails(
    databricks: WorkspaceClient, sample: Path, tmp_path: Path
) -> None:
    source, lake = (sample / "transactions.csv").as_uri(), (tmp_path / "lake").as_uri()
    arguments = ("--source", source, "--lake", lake, "--max-chunks", "100")
    assert result(databricks, submit(databricks, "chunker", *arguments))[0] == "SUCCESS"
    again, _, output = result(databricks, submit(databricks, "chunker", *arguments))
    assert again == "SUCCESS"
    assert '"outcome": "nothing_new"' in output, "the chunker returns 10"
    failed = result(databricks, submit(databricks, "chunker", "--source", f"{source}-missing", "--lake", lake))
    assert failed[:2] == ("FAILED", "SystemExit: 75")


def test_cancelling_a_detector_in_a_kernels_cell_stops_it_after_a_whole_batch(
    databricks: WorkspaceClient, landed: Landed, importance: str
) -> None:
    pipeline = landed()
    run_id = submit(databricks, "detector", "--lake", pipeline.lake, "--importance", importance, *THRESHOLDS)
    wait_until(lambda: pipeline.keys("detections/") != [], between=0.2)
    state, _, output = result(databricks, cancelled(databricks, run_id).run_id or 0)
    assert state == "CANCELED", output
    [line] = re.findall(r'"detector stopped", "committed_line": (\d+)', output)
    assert pipeline.table("pairs").transaction_version("detector") == int(line)
