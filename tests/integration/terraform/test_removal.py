"""Removal of the environment, data last: these tests build on one another and run after all others."""

import shutil

import pytest
from botocore.exceptions import ClientError

from tests.integration.terraform.conftest import ENVIRONMENT, Environment

pytestmark = [pytest.mark.terraform, pytest.mark.slow]

_PROTECTED = "-var=protect_data=true"
_GUARD = "module.lake.terraform_data.protection[0]"


def test_with_protected_data_a_destroy_fails_before_anything_has_changed(applied: Environment) -> None:
    applied.terraform("apply", "-auto-approve", ENVIRONMENT, _PROTECTED)
    bucket = applied.outputs["lake"].split("/")[2]
    applied.aws.client("s3").put_object(Bucket=bucket, Key="lake/offset.csv", Body=b"data")
    before = applied.terraform.resources()
    done = applied.terraform("destroy", "-auto-approve", ENVIRONMENT, _PROTECTED, fails=True)
    assert "Instance cannot be destroyed" in done.output
    assert applied.terraform.resources() == before
    # Changing the value first does not help either.
    done = applied.terraform("apply", "-auto-approve", ENVIRONMENT, fails=True)
    assert "Instance cannot be destroyed" in done.output


def test_everything_except_the_data_can_be_removed(applied: Environment) -> None:
    targets = ("-target=module.airflow", "-target=module.alerts")
    applied.terraform("destroy", "-auto-approve", ENVIRONMENT, _PROTECTED, *targets)
    left = [address for address in applied.terraform.resources() if ".data." not in address]
    assert left
    assert all(address.startswith(("module.lake.", "terraform_data.")) for address in left)


def test_without_the_guard_a_bucket_with_data_and_its_key_still_survive_a_destroy(applied: Environment) -> None:
    applied.terraform("state", "rm", _GUARD)
    done = applied.terraform("destroy", "-auto-approve", ENVIRONMENT, _PROTECTED, fails=True)
    assert "BucketNotEmpty" in done.output
    bucket = applied.outputs["lake"].split("/")[2]
    kept = applied.aws.client("s3").get_object(Bucket=bucket, Key="lake/offset.csv")["Body"].read()
    assert kept == b"data"
    assert "module.lake.aws_kms_key.lake" in applied.terraform.resources()


def test_without_protection_a_destroy_leaves_nothing(applied: Environment) -> None:
    """It does not need what `make dist` builds."""
    applied.terraform("apply", "-auto-approve", ENVIRONMENT, "-target=module.lake.module.buckets.aws_s3_bucket.this")
    shutil.rmtree(applied.terraform.directory.parent / "dist")
    applied.terraform("destroy", "-auto-approve", ENVIRONMENT)
    assert applied.terraform.resources() == []
    buckets = [bucket["Name"] for bucket in applied.aws.client("s3").list_buckets()["Buckets"]]
    assert buckets == ["transaction-patterns-terraform-123456789012"]
    roles = [role["RoleName"] for role in applied.aws.client("iam").list_roles()["Roles"]]
    assert roles == ["databricks-cross-account"]
    assert not applied.aws.client("secretsmanager").list_secrets()["SecretList"]
    kms = applied.aws.client("kms")
    states = {kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"]}
    assert states <= {"PendingDeletion"}
    with pytest.raises(ClientError, match="NotFound"):
        applied.aws.client("sns").get_topic_attributes(TopicArn=applied.outputs["alert_topic_arn"])
