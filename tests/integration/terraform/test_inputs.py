"""Invalid values and missing files are refused by a plan, with the value and the remedy."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.integration.terraform.conftest import ENVIRONMENT, Environment, Plans
from tests.integration.terraform.terraform import TERRAFORM, Terraform

pytestmark = pytest.mark.terraform


def words(output: str) -> str:
    """Return Terraform's output without the frames and line breaks of its messages."""
    return re.sub(r"\s+", " ", output.replace("│", " "))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "messages"),
    [
        (
            {
                "account_id": "1234",
                "chunker_mode": "always",
                "airflow": '{mwaa={},existing_role_arns=["arn:aws:iam::123456789012:role/a"]}',
                "airflow_secret_days": "1000",
                "databricks_host": "dbc.example.org",
                "environment": "Production",
                "node_types": '{chunker="m5d.large",detector="m5d",maintain_state="large"}',
                "permissions_boundary_arn": "boundary",
                "state_backend": "spark",
            },
            [
                "account_id must have 12 digits, not be 1234",
                "chunker_mode must be run or follow, not always",
                "either mwaa or existing_role_arns",
                "airflow_secret_days must be an integer between 1 and 730, not 1000",
                "databricks_host must be a URL without a path, such as https://dbc-a1b2345c-d6e7.cloud.databricks.com, "
                "not dbc.example.org",
                "such as dev or prod, not Production",
                "node_types must be EC2 instance types, such as m5d.large, not m5d, large",
                "permissions_boundary_arn must be the ARN of an IAM policy, not boundary",
                "detector_workers is 0, but state_backend spark needs at least 1",
            ],
        ),
        (
            {
                "alert_emails": '["ops@example.org","ops","data@"]',
                "log_days": "15",
                "old_version_days": "0",
                "airflow": '{mwaa={airflow_version="2.10.3",environment_class="small",cidr="10.0.0.0/28",'
                'source_cidrs=["0.0.0.0/0"],maintenance_window="SUN:03:15",schedulers=1,startup_script="gone.sh"}}',
            },
            [
                "alert_emails must be email addresses, such as ops@example.org, not ops, data@",
                "not 15",
                "old_version_days must be an integer of at least 1, not 0",
                "3.3.1 or later, because the DAGs use its deadlines; it is 2.10.3",
                "mw1.xlarge or mw1.2xlarge, not small",
                "mwaa.cidr must be an IPv4 block between /16 and /24, such as 10.42.0.0/24, not 10.0.0.0/28",
                "not 0.0.0.0/0",
                "such as SUN:03:30, not SUN:03:15",
                "mwaa.schedulers, min_webservers and max_webservers must be between 2 and 5",
                "there is no file gone.sh",
            ],
        ),
    ],
    ids=["root", "modules"],
)
def test_an_invalid_value_is_refused_by_name(plans: Plans, values: dict[str, str], messages: list[str]) -> None:
    given = (f"-var={name}={value}" for name, value in values.items())
    done = plans.terraform("plan", ENVIRONMENT, *given, fails=True)
    found = words(done.output)
    assert [message for message in messages if message not in found] == []


@pytest.mark.usefixtures("terraform_installed")
def test_an_unknown_threshold_is_refused_with_those_of_the_wheel(tmp_path: Path) -> None:
    module = tmp_path / "terraform" / "modules" / "databricks" / "jobs"
    shutil.copytree(TERRAFORM / "modules" / "databricks" / "jobs", module)
    shutil.copy(TERRAFORM.parent / "jobs.json", tmp_path)
    values = {
        "source_url": "s3://in/transactions.csv",
        "lake_url": "s3://lake/lake",
        "landing_format": "csv",
        "chunk_size": 1000,
        "state_backend": "driver",
        "chunker_mode": "run",
        "thresholds": {"child_transaction": 8, "child_transactions": 9},
        "threshold_names": ["child_transactions", "child_mean_amount"],
    }
    (module / "terraform.tfvars.json").write_text(json.dumps(values))
    terraform = Terraform(module, {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull})
    terraform("init")
    found = words(terraform("plan", fails=True).output)
    assert "thresholds: child_transaction: unknown; the thresholds are child_transactions, child_mean_amount." in found


@pytest.mark.slow
def test_a_missing_or_second_wheel_is_refused_with_the_remedy(plans: Plans) -> None:
    dist = plans.terraform.directory.parent / "dist"
    second = dist / "x-2-py3-none-any.whl"
    second.touch()
    try:
        found = words(plans.terraform("plan", ENVIRONMENT, fails=True).output)
    finally:
        second.unlink()
    assert "dist/ contains 2 wheels, x-1-py3-none-any.whl and x-2-py3-none-any.whl: run `make dist`" in found
    away = dist.rename(dist.with_name("away"))
    try:
        found = words(plans.terraform("plan", ENVIRONMENT, fails=True).output)
    finally:
        away.rename(dist)
    assert "dist/ contains no wheel: run `make dist` first." in found
    assert "dist/ lacks requirements.txt, thresholds.json: run `make dist` first." in found


@pytest.mark.slow
def test_production_values_on_the_state_of_dev_are_refused(applied: Environment) -> None:
    before = json.loads(applied.terraform("state", "pull").output)["resources"]
    done = applied.terraform("apply", "-auto-approve", "-var-file=environments/prod/terraform.tfvars", fails=True)
    assert "This is the state of the environment dev, but the values are those of prod." in words(done.output)
    assert json.loads(applied.terraform("state", "pull").output)["resources"] == before


@pytest.mark.slow
def test_another_account_is_refused_before_anything_is_planned(plans: Plans) -> None:
    done = plans.terraform("plan", ENVIRONMENT, "-var=account_id=999999999999", fails=True)
    assert "AWS account ID not allowed: 123456789012" in words(done.output)
