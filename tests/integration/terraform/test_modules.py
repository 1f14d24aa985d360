"""The modules' own tests, with mocked providers: `terraform test`."""

import os
from pathlib import Path

import pytest

from tests.integration.terraform.terraform import TERRAFORM, Terraform, copy_sources, terraform_environment

pytestmark = [pytest.mark.terraform, pytest.mark.slow]

_TESTED = sorted({file.parent.parent.relative_to(TERRAFORM) for file in TERRAFORM.rglob("*.tftest.hcl")})


@pytest.mark.parametrize("module", _TESTED, ids=str)
def test_a_module_passes_its_own_tests(terraform_installed: None, tmp_path: Path, module: Path) -> None:
    """Skipped where a provider of the module is in no mirror; mocks need its schema."""
    assert terraform_installed is None
    copy_sources(tmp_path)
    terraform = Terraform(tmp_path / "terraform" / module, {**os.environ, **terraform_environment(tmp_path)})
    done = terraform("init", "-backend=false", may_fail=True)
    if done.code:
        pytest.skip(f"a provider is not available: {done.output.strip().splitlines()[-1]}")
    terraform("test")
