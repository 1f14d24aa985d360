"""The stack in containers works, and recovers from a kill of each service, an outage of S3, and a full stop."""

import json
import re
import time
from pathlib import Path

import httpx
import pytest

from local.bucket import BUCKET, IMPORTANCE_URL
from local.containers import READERS
from orchestration.dag_ids import DAG_IDS
from tests.harness.pipeline import Pipeline
from tests.system.compose.stack import SERVICES, Stack, wait_for

pytestmark = pytest.mark.compose

# Longer than the S3 clients' own retries (30 s).
_OUTAGE_SECONDS = 45


def test_the_sample_is_landed_and_committed(stack: Stack) -> None:
    assert stack.source.rows == 20_000
    stack.await_commit()
    stack.assert_lines_are_landed_once_each_in_order()


def test_airflow_is_healthy_and_has_all_dags(stack: Stack) -> None:
    health = stack.airflow("GET", "/monitor/health")
    assert {name: part["status"] for name, part in health.items()} == dict.fromkeys(health, "healthy")
    assert stack.airflow("GET", "/importErrors")["import_errors"] == []
    dags = {dag["dag_id"]: dag["is_paused"] for dag in stack.airflow("GET", "/dags")["dags"]}
    assert dags == dict.fromkeys(DAG_IDS, False)


def test_appended_transactions_are_landed_committed_and_detected(stack: Stack) -> None:
    before = stack.status()
    stack.source.append(10_000)
    stack.await_commit()
    assert sum(stack.status().detections.values()) > sum(before.detections.values())
    path = "/dags/chunk_transactions/dagRuns?state=success&limit=1"
    assert stack.airflow("GET", path)["total_entries"] > 0


def test_maintenance_compacts_the_state_and_prunes_airflows_database(stack: Stack) -> None:
    run = stack.airflow("POST", "/dags/maintain/dagRuns", logical_date=None)["dag_run_id"]
    path = f"/dags/maintain/dagRuns/{run}"
    wait_for(lambda: stack.airflow("GET", path)["state"] in ("success", "failed"))
    tasks = stack.airflow("GET", f"{path}/taskInstances")["task_instances"]
    assert {task["task_id"]: task["state"] for task in tasks} == dict.fromkeys(
        ("maintain_state", "prune_database", "prune_logs"), "success"
    )


def test_a_tasks_log_in_airflow_links_to_its_run_in_databricks(stack: Stack) -> None:
    path = "/dags/chunk_transactions/dagRuns/~/taskInstances?task_id=land_chunks&state=success&limit=1"
    task = stack.airflow("GET", path)["task_instances"][0]
    path = f"/dags/chunk_transactions/dagRuns/{task['dag_run_id']}/taskInstances/land_chunks/logs/{task['try_number']}"
    log = json.dumps(stack.airflow("GET", path)["content"])
    [run] = set(re.findall(r"logs at (http://127\.0\.0\.1:\d+/jobs/\d+/runs/\d+)", log))
    assert "chunker" in httpx.get(run).raise_for_status().text


def test_access_without_the_secrets_is_refused(stack: Stack) -> None:
    assert stack.log_in("admin").status_code == 401
    assert httpx.get(f"{stack.s3.endpoint}/{BUCKET}").status_code == 403
    assert httpx.get(f"http://127.0.0.1:{stack.ports.databricks}/api/2.1/jobs/list").status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_unprivileged_on_loopback_and_reveals_no_secret(stack: Stack, service: str) -> None:
    found = stack.containers.inspect(service)
    assert stack.containers.compose("exec", "-T", service, "id", "-u").strip() == "10001"
    bound = [binding["HostIp"] for ports in found["NetworkSettings"]["Ports"].values() for binding in ports or []]
    assert set(bound) <= {"127.0.0.1"}
    shown = json.dumps(found) + stack.containers.compose("logs", "--no-color", "secrets", service)
    assert not [name for name, secret in stack.secrets.items() if secret in shown]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_its_own_secrets_only(stack: Stack, service: str) -> None:
    assert sorted(stack.readable_secrets(service)) == sorted(READERS[service.partition("-")[0]])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_change_its_image_or_exhaust_the_machine(stack: Stack, service: str) -> None:
    attempt = "touch /usr/local/bin/x 2>&1 || touch /home/pipeline/x 2>&1 || echo refused"
    answer = stack.containers.compose("exec", "-T", service, "sh", "-c", attempt)
    assert answer.count("Read-only file system") == 2
    limits = stack.containers.inspect(service)["HostConfig"]
    assert limits["Memory"] > 0
    assert limits["PidsLimit"] > 0


@pytest.mark.parametrize(
    ("service", "other"), [("s3", "postgres:5432"), ("databricks", "postgres:5432"), ("postgres", "s3:9000")]
)
def test_a_service_does_not_reach_the_data_of_another_kind(stack: Stack, service: str, other: str) -> None:
    host, port = other.split(":")
    connect = f"import socket; socket.create_connection(({host!r}, {port}), 5)"
    attempt = f'python3 -c "{connect}" 2>&1 || true'
    assert "gaierror" in stack.containers.compose("exec", "-T", service, "sh", "-c", attempt)


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_recovers(stack: Stack, service: str) -> None:
    stack.source.append(1500)
    stack.containers.kill(service)
    stack.await_commit()


def test_the_pipeline_catches_up_after_an_outage_of_s3(stack: Stack) -> None:
    stack.source.append(5000)
    stack.containers.compose("stop", "s3")
    time.sleep(_OUTAGE_SECONDS)
    stack.containers.compose("start", "s3")
    stack.containers.await_health("s3")
    stack.await_commit()


def test_the_pipeline_resumes_at_the_same_line_after_down_and_up(stack: Stack) -> None:
    stack.containers.up()
    before = stack.status()
    stack.containers.compose("down")
    stack.containers.up()
    after = stack.status()
    assert (after.landed_line, after.committed_line) == (before.landed_line, before.committed_line)
    stack.log_in(stack.password).raise_for_status()
    stack.source.append(1500)
    stack.await_commit()


def test_nothing_is_lost_or_duplicated_after_all_failures(stack: Stack, tmp_path: Path) -> None:
    stack.assert_lines_are_landed_once_each_in_order()
    undisturbed = Pipeline(stack.s3, "undisturbed", tmp_path)
    for key in [*stack.pipeline.keys("landing_zone/"), f"{stack.pipeline.name}/offset.csv"]:
        target = key.replace(stack.pipeline.name, undisturbed.name, 1)
        stack.s3.client().copy({"Bucket": BUCKET, "Key": key}, BUCKET, target)
    detector = undisturbed.start_detector("--importance", IMPORTANCE_URL, "--available-now")
    assert detector.wait(300) == 0, undisturbed.log.read_text()
    assert len(stack.pipeline.found()) > 50
    assert stack.pipeline.found() == undisturbed.found()
    assert stack.pipeline.state() == undisturbed.state()
    stack.pipeline.assert_files_are_the_table()
