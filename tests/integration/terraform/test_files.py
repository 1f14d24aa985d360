"""Format, validity and documentation of Terraform's files."""

import importlib.util
import os
import subprocess
from pathlib import Path

import hcl2
import pytest

from tests.integration.terraform.terraform import TERRAFORM, aws_side

_SPEC = importlib.util.spec_from_file_location("readme", TERRAFORM / "readme.py")
assert _SPEC
assert _SPEC.loader
readme = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(readme)

_MODULES = sorted({file.parent for file in TERRAFORM.rglob("variables.tf") if ".terraform" not in file.parts})


@pytest.mark.terraform
@pytest.mark.usefixtures("terraform_installed")
def test_the_files_are_formatted() -> None:
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}
    command = ["terraform", "fmt", "-check", "-recursive", "-diff"]
    done = subprocess.run(command, cwd=TERRAFORM, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.terraform
@pytest.mark.usefixtures("terraform_installed")
def test_the_aws_resources_are_valid(tmp_path: Path) -> None:
    """`test_databricks_schema` checks the Databricks resources."""
    terraform = aws_side(tmp_path)
    if terraform("init", "-backend=false", may_fail=True).code:
        pytest.skip("the AWS provider is not available")
    terraform("validate")


@pytest.mark.parametrize("module", _MODULES, ids=lambda path: str(path.relative_to(TERRAFORM.parent)))
def test_a_readme_has_the_modules_inputs_and_outputs(module: Path) -> None:
    remedy = "run .venv/bin/python terraform/readme.py"
    assert (module / "README.md").read_text() == readme.readme(module), remedy


@pytest.mark.parametrize("module", _MODULES, ids=lambda path: str(path.relative_to(TERRAFORM.parent)))
def test_a_module_has_four_files_and_describes_every_variable_and_output(module: Path) -> None:
    names = {file.name for file in module.glob("*.tf")}
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= names
    for file in module.glob("*.tf"):
        found = hcl2.loads(file.read_text())
        for variable in found.get("variable", []):
            [(name, body)] = variable.items()
            assert {"type", "description"} <= set(body), f"{file}: variable {name}"
        for output in found.get("output", []):
            [(name, body)] = output.items()
            assert "description" in body, f"{file}: output {name}"
