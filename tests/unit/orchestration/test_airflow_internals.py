"""Imports from Airflow are public, or listed with their reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import airflow.sdk
import pytest

from orchestration.airflow_internals import INTERNALS
from tests.harness.pipeline import ROOT

MODULES = sorted([*(ROOT / "plugins").rglob("*.py"), *(ROOT / "dags").glob("*.py")])
_PUBLIC = ("airflow.sdk.exceptions", "airflow.plugins_manager", "airflow.providers.")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import from Airflow; the name is "" if the module itself is imported."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "airflow")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "airflow":
            yield from ((node.module, alias.name) for alias in node.names)


def is_public(module: str, name: str) -> bool:
    return module.startswith(_PUBLIC) or (module == "airflow.sdk" and name in airflow.sdk.__all__)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_from_airflow_is_public_or_listed_with_its_reason(path: Path) -> None:
    unlisted = {module for module, name in imports(path) if not is_public(module, name) and module not in INTERNALS}
    assert not unlisted, f"use a public name, or list {unlisted} in plugins/orchestration/airflow_internals.py"


def test_the_list_has_nothing_that_is_not_imported() -> None:
    used = {module for path in MODULES for module, name in imports(path) if not is_public(module, name)}
    assert set(INTERNALS) == used
