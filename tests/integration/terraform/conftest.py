"""One environment, applied once to a local AWS and shared by all tests; those that destroy it run last."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.terraform.aws import REGION, Aws, local_aws
from tests.integration.terraform.terraform import Terraform, aws_side

ENVIRONMENT = "-var-file=environments/dev/terraform.tfvars"
_BACKEND = (
    "-backend-config=environments/dev/backend.hcl",
    "-backend-config=use_path_style=true",
    "-backend-config=skip_credentials_validation=true",
    "-backend-config=skip_requesting_account_id=true",
)
_OLDEST = (1, 11)


@dataclass(frozen=True)
class Environment:
    """The environment `dev` without its Databricks resources.

    Attributes:
        outputs: of the root module.
    """

    aws: Aws
    terraform: Terraform
    outputs: dict[str, Any]


class Plans:
    """Plans of environments from scratch, each made once.

    Attributes:
        terraform: in a root module without a state.
    """

    def __init__(self, terraform: Terraform, directory: Path) -> None:
        self.terraform = terraform
        self._directory = directory
        self._made: dict[str, dict[str, Any]] = {}

    def of(self, environment: str) -> dict[str, Any]:
        """Return the plan of an environment, as `terraform show -json` does."""
        if environment not in self._made:
            file = str(self._directory / environment)
            self.terraform("plan", f"-var-file=environments/{environment}/terraform.tfvars", f"-out={file}")
            self._made[environment] = json.loads(self.terraform("show", "-json", file).output)
        return self._made[environment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A stable sort: the other tests keep their order.
    items.sort(key=lambda item: item.path.name == "test_removal.py")


@pytest.fixture(scope="session")
def terraform_installed() -> None:
    """Skip the test unless Terraform 1.11 or later is installed."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed (1.11 or later is needed)")
    version = json.loads(subprocess.run(["terraform", "version", "-json"], capture_output=True, check=True).stdout)
    found = version["terraform_version"]
    if tuple(map(int, re.findall(r"\d+", found)[:2])) < _OLDEST:
        pytest.skip(f"Terraform {found} is too old (1.11 or later is needed)")


@pytest.fixture(scope="session")
def aws(terraform_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    assert terraform_installed is None
    with local_aws(tmp_path_factory.mktemp("aws") / "aws.log") as server:
        # Exists before Terraform: created with the Databricks workspace.
        trust = {"Version": "2012-10-17", "Statement": []}
        server.client("iam").create_role(
            RoleName="databricks-cross-account", AssumeRolePolicyDocument=json.dumps(trust)
        )
        yield server


@pytest.fixture(scope="session")
def terraform(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform with its state in S3, set up as in docs/how-to/deploy.md."""
    copy = aws_side(tmp_path_factory.mktemp("terraform"))
    terraform = replace(copy, environment=copy.environment | aws.environment)
    state = Terraform(terraform.directory / "state", terraform.environment)
    done = state("init", may_fail=True)
    if done.code:
        pytest.skip(f"the AWS provider is not available: {done.output.strip().splitlines()[-1]}")
    state("apply", "-auto-approve", f"-var=region={REGION}")
    terraform("init", *_BACKEND)
    return terraform


@pytest.fixture(scope="session")
def plans(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Plans without a state; the local AWS has no MWAA, so production is planned but not applied."""
    directory = tmp_path_factory.mktemp("plans")
    copy = aws_side(directory)
    (copy.directory / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    terraform = replace(copy, environment=copy.environment | aws.environment)
    done = terraform("init", may_fail=True)
    if done.code:
        pytest.skip(f"the AWS provider is not available: {done.output.strip().splitlines()[-1]}")
    return Plans(terraform, directory)


@pytest.fixture(scope="session")
def applied(aws: Aws, terraform: Terraform) -> Environment:
    terraform("apply", "-auto-approve", ENVIRONMENT)
    return Environment(aws, terraform, terraform.outputs())
