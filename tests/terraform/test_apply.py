"""The AWS resources, applied to a local AWS."""

import json

import pytest

from tests.terraform.conftest import ENVIRONMENT, Environment, Plans
from tests.terraform.terraform import TERRAFORM

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


def test_an_invalid_value_is_refused_by_name(applied: Environment) -> None:
    both = 'airflow={mwaa={airflow_version="3.3.2"},existing_role_arns=["arn:aws:iam::123456789012:role/a"]}'
    invalid = ("-var=databricks_host=dbc.example.org", f"-var={both}")
    done = applied.terraform("plan", "-refresh=false", ENVIRONMENT, *invalid, fails=True)
    assert "databricks_host must be a URL without a path" in done.output
    assert "either mwaa or existing_role_arns" in done.output
    old = 'airflow={mwaa={airflow_version="2.10.3"}}'
    done = applied.terraform("plan", "-refresh=false", ENVIRONMENT, f"-var={old}", fails=True)
    assert "airflow_version must be 3.3 or later" in done.output


def test_production_with_mwaa_can_be_planned_from_scratch(plans: Plans) -> None:
    planned = plans.of("prod")
    created = {change["address"]: change["change"]["after"] for change in planned["resource_changes"]}
    mwaa = created["module.airflow.aws_mwaa_environment.this[0]"]
    assert mwaa["webserver_access_mode"] == "PRIVATE_ONLY"
    assert "module.lake.terraform_data.protection[0]" in created
    assert "module.alerts.aws_cloudwatch_metric_alarm.scheduler_dead[0]" in created
    dags = {path.name for path in (TERRAFORM.parent / "dags").glob("*.py")}
    assert {f'module.airflow.aws_s3_object.dags["{name}"]' for name in dags} <= set(created)


def test_environments_differ_only_in_values() -> None:
    folders = {folder.name: folder for folder in (TERRAFORM / "environments").iterdir()}
    assert set(folders) == {"dev", "prod"}
    for folder in folders.values():
        assert {file.name for file in folder.iterdir()} == {"terraform.tfvars", "backend.hcl"}
