"""`make smoke` against the local Databricks and the local S3, which stand for a deployed environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import Continuous, JobParameterDefinition, JobSettings, PauseStatus

from local.databricks.server import LocalDatabricks, local_databricks
from local.jobs import DETECTOR, Lake, create_jobs
from local.s3 import LocalS3
from tests.harness.pipeline import BUCKET, ROOT, detector_environment

pytestmark = [pytest.mark.processes, pytest.mark.slow]

# Two chunks, and the fewest for which some pattern holds by the built-in rules.
ROWS = 20_000
_LAKE = f"s3://{BUCKET}/deployed/lake"


@dataclass(frozen=True)
class Deployed:
    """A deployment, and the file with its outputs."""

    s3: LocalS3
    server: LocalDatabricks
    client: WorkspaceClient
    outputs: Path

    def smoke(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m smoke` with the operator's credentials."""
        command = [sys.executable, "-m", "smoke", "--outputs", str(self.outputs), *arguments]
        environment = {**os.environ, **self.s3.environment, "DATABRICKS_TOKEN": self.server.token}
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    @contextmanager
    def state_backend(self, value: str) -> Iterator[None]:
        """Deploy the detector with another state backend for a while."""
        urls = json.loads(self.outputs.read_text())["job_urls"]["value"]
        job_id = int(urls[DETECTOR].rpartition("/")[2])
        before = self.client.jobs.get(job_id).settings
        assert before
        changed = [
            JobParameterDefinition(default=value, name=one.name) if one.name == "state-backend" else one
            for one in before.parameters or []
        ]
        self.client.jobs.update(job_id, new_settings=JobSettings(parameters=changed))
        try:
            yield
        finally:
            self.client.jobs.reset(job_id, before)

    def keys(self) -> set[str]:
        listed = self.s3.client().list_objects_v2(Bucket=BUCKET, Prefix="")
        return {entry["Key"] for entry in listed.get("Contents", [])}


@pytest.fixture(scope="module")
def deployed(s3: LocalS3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The three jobs with a lake of their own; the detector's is paused, to save the time of its start."""
    directory = tmp_path_factory.mktemp("deployed")
    with local_databricks(directory, detector_environment(s3), arguments=("--grace", "60")) as server:
        client = WorkspaceClient(host=server.host, token=server.token)
        job_ids = create_jobs(client, Lake(f"s3://{BUCKET}/deployed/transactions.csv", _LAKE))
        paused = Continuous(pause_status=PauseStatus.PAUSED)
        client.jobs.update(job_ids[DETECTOR], new_settings=JobSettings(continuous=paused))
        client.jobs.cancel_all_runs(job_id=job_ids[DETECTOR])
        urls = {name: f"{server.host}/#job/{job_id}" for name, job_id in job_ids.items()}
        outputs = directory / "outputs.json"
        outputs.write_text(json.dumps({"job_urls": {"value": urls}, "lake": {"value": _LAKE}}))
        yield Deployed(s3, server, client, outputs)


def test_the_jobs_pass_and_only_the_scratch_lake_is_written_and_deleted(deployed: Deployed) -> None:
    before = deployed.keys()
    done = deployed.smoke("--rows", str(ROWS))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"]
    found = {finding["what"]: finding for finding in report["findings"]}
    assert found["chunker: lines landed"]["value"] == ROWS
    assert found["maintain_state: chunks expired"]["value"] == ROWS / 10_000
    assert found["cancel: signal that the detector received"]["value"] == "SIGTERM"
    assert found["cancel: result of the run"]["value"] == "CANCELED"
    assert found["detector: detections by pattern"]["value"] != "none"
    assert deployed.keys() == before
    assert not list(deployed.client.jobs.list_runs(active_only=True))


def test_the_deployments_own_lake_is_refused_before_anything_is_started(deployed: Deployed) -> None:
    before, runs = deployed.keys(), len(list(deployed.client.jobs.list_runs()))
    done = deployed.smoke("--lake", f"{_LAKE}/smoke")
    assert done.returncode == 2
    assert "is not apart from the deployment's lake" in done.stderr
    assert (deployed.keys(), len(list(deployed.client.jobs.list_runs()))) == (before, runs)


def test_a_job_that_fails_is_named_and_the_rest_is_cleaned_up(deployed: Deployed) -> None:
    before = deployed.keys()
    with deployed.state_backend("nowhere"):
        done = deployed.smoke("--rows", str(ROWS))
    assert done.returncode == 1
    last = json.loads(done.stdout)["findings"][-1]
    assert last["what"] == "the smoke run ended early"
    assert "the detector ended with FAILED: SystemExit: 2; see http" in last["value"]
    assert deployed.keys() == before
    assert not list(deployed.client.jobs.list_runs(active_only=True))
