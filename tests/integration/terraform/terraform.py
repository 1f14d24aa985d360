"""Terraform's command line in a copy of the root module, against a local AWS."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.pipeline import ROOT

TERRAFORM = ROOT / "terraform"
# Common locations of provider mirrors on machines without a registry; TF_PROVIDER_MIRROR overrides them.
_MIRRORS = ("/opt/tf-plugins", "/usr/share/terraform/providers", "~/.terraform.d/plugins")
_LOCAL_AWS_PROVIDER = """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""
_WITHOUT_DATABRICKS = """
locals {
  airflow_client = { id = "client-of-airflow", secret = "secret-of-airflow" }
}
"""


@dataclass(frozen=True)
class Done:
    """Exit code and output of a command."""

    code: int
    output: str


@dataclass(frozen=True)
class Terraform:
    """Terraform in one directory."""

    directory: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, fails: bool = False, may_fail: bool = False) -> Done:
        """Run a command; assert that it fails if and only if `fails`."""
        command = ["terraform", *arguments, "-no-color"]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # `plan -detailed-exitcode` exits with 2 if there are changes.
        assert may_fail or (done.returncode == 1) is fails, f"{' '.join(command)}: {done.stdout}"
        return Done(done.returncode, done.stdout)

    def outputs(self) -> dict[str, Any]:
        found = json.loads(self("output", "-json").output)
        return {name: output["value"] for name, output in found.items()}

    def resources(self) -> list[str]:
        return self("state", "list").output.split()


def terraform_environment(directory: Path) -> dict[str, str]:
    """Return environment variables that make Terraform use the provider mirror, if there is one."""
    configuration = directory / "terraformrc"
    mirror = provider_mirror()
    if mirror:
        configuration.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    else:
        configuration.write_text("")
    return {
        **os.environ,
        "TF_CLI_CONFIG_FILE": str(configuration),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }


def provider_mirror() -> Path | None:
    """Return the first mirror with the AWS provider, or None."""
    named = os.environ.get("TF_PROVIDER_MIRROR")
    places = [Path(place).expanduser() for place in ([named] if named else _MIRRORS)]
    return next((place for place in places if any(place.glob("*/hashicorp/aws"))), None)


def copy_sources(directory: Path) -> None:
    """Copy Terraform's files, and those that they read, so that a test leaves nothing in the repository."""
    shutil.copytree(TERRAFORM, directory / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    for name in ("jobs.json", "plugins/orchestration/airflow_needs.json"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TERRAFORM.parent / name, directory / name)


def aws_side(directory: Path) -> Terraform:
    """Copy the root module without its Databricks resources, whose provider is in no mirror.

    An override file points the AWS provider at a local AWS.
    """
    root = directory / "terraform"
    copy_sources(directory)
    shutil.copytree(TERRAFORM.parent / "dags", directory / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    dist = directory / "dist"
    dist.mkdir()
    for name in (
        "plugins.zip",
        "airflow-requirements.txt",
        "requirements.txt",
        "thresholds.json",
        "x-1-py3-none-any.whl",
    ):
        (dist / name).write_text("placeholder for a file of `make dist`")
    versions = root / "versions.tf"
    versions.write_text(re.sub(r"    databricks = \{.*?\n    \}\n", "", versions.read_text(), flags=re.DOTALL))
    (root / "databricks.tf").write_text(_WITHOUT_DATABRICKS)
    (root / "providers_override.tf").write_text(_LOCAL_AWS_PROVIDER)
    (root / "state" / "providers_override.tf").write_text(_LOCAL_AWS_PROVIDER)
    return Terraform(root, terraform_environment(directory))
