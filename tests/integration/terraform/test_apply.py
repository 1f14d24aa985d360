"""The AWS resources, applied to a local AWS."""

import json
import re
from typing import Any

import hcl2
import pytest

from tests.integration.terraform.conftest import ENVIRONMENT, Environment, Plans
from tests.integration.terraform.terraform import TERRAFORM

pytestmark = [pytest.mark.terraform, pytest.mark.slow]


def test_a_second_plan_shows_no_change(applied: Environment) -> None:
    assert applied.terraform("plan", "-detailed-exitcode", ENVIRONMENT).code == 0


def test_a_changed_value_changes_only_its_own_resource(applied: Environment) -> None:
    other = 'alert_emails=["other@example.org"]'
    done = applied.terraform("apply", "-auto-approve", ENVIRONMENT, f"-var={other}")
    assert "1 added, 0 changed, 1 destroyed" in done.output
    topic = applied.outputs["alert_topic_arn"]
    [subscription] = applied.aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"] == "other@example.org"
    back = applied.terraform("apply", "-auto-approve", ENVIRONMENT)
    assert "1 added, 0 changed, 1 destroyed" in back.output


def test_the_state_is_in_s3_and_locked_against_concurrent_changes(applied: Environment) -> None:
    s3, bucket = applied.aws.client("s3"), "transaction-patterns-terraform-123456789012"
    lock = {"ID": "x", "Operation": "OperationTypeApply", "Who": "somebody@else", "Version": "1.11.0"}
    s3.put_object(Bucket=bucket, Key="dev.tfstate.tflock", Body=json.dumps(lock))
    done = applied.terraform("plan", ENVIRONMENT, fails=True)
    s3.delete_object(Bucket=bucket, Key="dev.tfstate.tflock")
    assert "Error acquiring the state lock" in done.output
    assert "somebody@else" in done.output
    assert not list(applied.terraform.directory.glob("*.tfstate"))


def test_the_buckets_are_private_encrypted_with_our_key_and_require_tls(applied: Environment) -> None:
    s3 = applied.aws.client("s3")
    for name in ("lake", "source", "logs"):
        bucket = applied.outputs[name].split("/")[2]
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values())
        [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert rule["BucketKeyEnabled"]
        [statement] = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_lake_is_versioned_and_the_master_file_is_not(applied: Environment) -> None:
    s3 = applied.aws.client("s3")
    lake, incoming = (applied.outputs[name].split("/")[2] for name in ("lake", "source"))
    assert s3.get_bucket_versioning(Bucket=lake)["Status"] == "Enabled"
    assert "Status" not in s3.get_bucket_versioning(Bucket=incoming)


def test_no_lifecycle_rule_touches_a_current_object(applied: Environment) -> None:
    s3 = applied.aws.client("s3")
    for name in ("lake", "source"):
        bucket = applied.outputs[name].split("/")[2]
        for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]:
            assert set(rule.get("Expiration", {})) <= {"ExpiredObjectDeleteMarker"}
            assert "Transitions" not in rule
            assert "NoncurrentVersionTransitions" not in rule


def test_a_silent_detector_raises_an_alarm_without_airflow(applied: Environment) -> None:
    alarms = applied.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="transaction-patterns-dev")
    alarm = next(found for found in alarms["MetricAlarms"] if found["AlarmName"].endswith("detector-silent"))
    assert alarm["AlarmActions"] == [applied.outputs["alert_topic_arn"]]
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("PutRequests", "breaching")
    assert {"Name": "FilterId", "Value": "heartbeat"} in alarm["Dimensions"]


def test_production_with_mwaa_can_be_planned_from_scratch(plans: Plans) -> None:
    planned = plans.of("prod")
    created = created_by(planned)
    mwaa = created["module.airflow.aws_mwaa_environment.this[0]"]
    assert mwaa["webserver_access_mode"] == "PRIVATE_ONLY"
    assert "module.lake.terraform_data.protection[0]" in created
    assert "module.alerts.aws_cloudwatch_metric_alarm.scheduler_dead[0]" in created
    dags = {path.name for path in (TERRAFORM.parent / "dags").glob("*.py")}
    assert {f'module.airflow.aws_s3_object.dags["{name}"]' for name in dags} <= set(created)


def created_by(plan: dict[str, Any]) -> dict[str, Any]:
    return {change["address"]: change["change"]["after"] for change in plan["resource_changes"]}


def test_every_bucket_requires_tls(plans: Plans) -> None:
    created = created_by(plans.of("prod"))
    buckets = {address for address in created if ".aws_s3_bucket." in address}
    assert len(buckets) == 4
    assert {address.replace("aws_s3_bucket.", "aws_s3_bucket_policy.") for address in buckets} <= set(created)


def moves(folder: str) -> list[tuple[str, str]]:
    """Return the addresses that a module's resources had in earlier releases, each with that of today."""
    found = hcl2.loads((TERRAFORM / folder / "moved.tf").read_text())["moved"]
    return [(entry["from"][2:-1].replace('\\"', '"'), entry["to"][2:-1].replace('\\"', '"')) for entry in found]


def test_a_state_of_an_earlier_release_keeps_its_buckets(applied: Environment) -> None:
    for before, now in moves("modules/lake"):
        applied.terraform("state", "mv", f"module.lake.{now}", f"module.lake.{before}")
    done = applied.terraform("plan", ENVIRONMENT)
    assert "has moved to module.lake.module.buckets.aws_s3_bucket.this" in done.output
    assert "0 to add, 0 to change, 0 to destroy" in done.output
    applied.terraform("apply", "-auto-approve", ENVIRONMENT)
    assert not [
        address for address in applied.terraform.resources() if re.match(r"module\.lake\.aws_s3_bucket\.", address)
    ]


@pytest.mark.parametrize("folder", ["modules/airflow", "modules/lake", "state"])
def test_every_part_of_a_bucket_has_moved(folder: str) -> None:
    """Without ownership controls, of which a bucket needs none to be kept."""
    kinds = {now.split(".")[2] for _, now in moves(folder)}
    parts = {f"aws_s3_bucket{part}" for part in ("", "_policy", "_public_access_block", "_versioning")}
    assert parts | {"aws_s3_bucket_server_side_encryption_configuration"} <= kinds


def test_only_mwaa_of_this_account_can_take_airflows_role(plans: Plans) -> None:
    trust = json.loads(created_by(plans.of("prod"))["module.lake.aws_iam_role.airflow"]["assume_role_policy"])
    [statement] = trust["Statement"]
    assert statement["Principal"] == {"Service": ["airflow.amazonaws.com", "airflow-env.amazonaws.com"]}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_logs_of_mwaa_expire(plans: Plans) -> None:
    groups = [value for name, value in created_by(plans.of("prod")).items() if "aws_cloudwatch_log_group" in name]
    assert {group["name"].rpartition("-airflow-")[2] for group in groups} == {
        "DAGProcessing",
        "Scheduler",
        "Task",
        "WebServer",
        "Worker",
    }
    assert {group["retention_in_days"] for group in groups} == {30}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_dead_airflow_raises_an_alarm_that_does_not_need_it(plans: Plans, environment: str) -> None:
    """Only Airflow sends HEAD requests for the master file, whether it is MWAA or another one."""
    alarm = created_by(plans.of(environment))["module.alerts.aws_cloudwatch_metric_alarm.airflow_silent"]
    assert (alarm["metric_name"], alarm["treat_missing_data"]) == ("HeadRequests", "breaching")
    assert alarm["threshold"] == 1


def test_environments_differ_only_in_values() -> None:
    folders = {folder.name: folder for folder in (TERRAFORM / "environments").iterdir()}
    assert set(folders) == {"dev", "prod"}
    for folder in folders.values():
        assert {file.name for file in folder.iterdir()} == {"terraform.tfvars", "backend.hcl"}
