"""The Databricks resources comply with the schema of their provider.

`databricks_provider_schema.json` is an excerpt of `terraform providers schema -json` with the resources in use: their
attributes (type, and whether required, optional, computed or deprecated) and blocks (minimum and maximum number;
0 means no limit).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.integration.terraform.terraform import TERRAFORM

_SCHEMA = json.loads((Path(__file__).parent / "databricks_provider_schema.json").read_text())["resources"]
_MODULES = [TERRAFORM / "modules" / name for name in ("databricks", "unity_catalog")]
# Terraform's meta-arguments.
_META = {"count", "depends_on", "dynamic", "for_each", "lifecycle", "provider"}


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in sorted(file for module in _MODULES for file in module.glob("*.tf")):
        for entry in hcl2.loads(file.read_text()).get("resource", []):
            [(kind, named)] = entry.items()
            [(name, body)] = named.items()
            if not kind.strip('"').startswith("databricks_"):
                continue
            yield kind.strip('"'), name.strip('"'), body


def violations(body: dict[str, Any], schema: dict[str, Any], place: str, own: set[str]) -> list[str]:
    """Return the violations of the schema in a block, each with its place."""
    attributes, blocks = schema["attributes"], schema.get("blocks", {})
    given = {name: value for name, value in body.items() if not name.startswith("__") and name not in own}
    nested = {name: [(entry, False) for entry in value] for name, value in given.items() if name in blocks}
    for entry in body.get("dynamic", []):
        [(name, dynamic)] = entry.items()
        nested.setdefault(name.strip('"'), []).extend((content, True) for content in dynamic["content"])
    found = [
        f"{place}: no attribute or block {name}" for name in given if name not in attributes and name not in blocks
    ]
    found += [f"{place}: no block {name}" for name in nested if name not in blocks]
    for name, facts in attributes.items():
        if "required" in facts and name not in given:
            found.append(f"{place}: {name} is missing")
        if name in given and not {"required", "optional"} & set(facts):
            found.append(f"{place}: {name} cannot be set")
        if name in given and "deprecated" in facts:
            found.append(f"{place}: {name} is deprecated")
        if name in given and not _fits(given[name], facts[0]):
            found.append(f"{place}: {name} must be {facts[0]}")
    for name, block in blocks.items():
        entries = nested.get(name, [])
        fixed = [entry for entry, dynamic in entries if not dynamic]
        if len(entries) < block["min"] or (block["max"] and len(fixed) > block["max"]):
            found.append(f"{place}: {len(entries)} blocks {name}, expected {block['min']} to {block['max']}")
        for entry, _ in entries:
            found += violations(entry, block, f"{place}.{name}", {"dynamic"})
    return found


def _fits(value: Any, kind: str) -> bool:
    """Return whether a value has a type; expressions, which are not evaluated, always do."""
    if isinstance(value, str) and value.startswith("${"):
        return True
    if kind in ("string", "number", "bool"):
        types: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "bool": (bool,)}
        return isinstance(value, types[kind]) and (kind == "bool" or not isinstance(value, bool))
    return isinstance(value, dict if kind.startswith('["map"') else list)


@pytest.mark.parametrize(
    ("kind", "name", "body"), [pytest.param(*found, id=".".join(found[:2])) for found in resources()]
)
def test_a_resource_complies_with_its_schema(kind: str, name: str, body: dict[str, Any]) -> None:
    assert kind in _SCHEMA, f"{kind} is missing in databricks_provider_schema.json"
    assert violations(body, _SCHEMA[kind], f"{kind}.{name}", _META) == []


def test_the_schema_contains_exactly_the_resources_in_use() -> None:
    kinds = {kind for kind, _, _ in resources()}
    assert kinds == set(_SCHEMA)


@pytest.mark.parametrize(
    ("hcl", "violation"),
    [
        ('tsk { task_key = "x" }', "databricks_job.x: no attribute or block tsk"),
        ('task { key = "x" }', "databricks_job.x.task: no attribute or block key"),
        ("task {}", "databricks_job.x.task: task_key is missing"),
        ('timeout_seconds = "long"', "databricks_job.x: timeout_seconds must be number"),
        ("continuous {}\ncontinuous {}", "databricks_job.x: 2 blocks continuous, expected 0 to 1"),
        ('url = "x"', "databricks_job.x: url cannot be set"),
        ("max_retries = 1", "databricks_job.x: max_retries is deprecated"),
        ("health {}", "databricks_job.x.health: 0 blocks rules, expected 1 to 0"),
        (
            'dynamic "parameter" {\nfor_each = {}\ncontent {\nname = "x"\n}\n}',
            "databricks_job.x.parameter: default is missing",
        ),
    ],
)
def test_a_violation_is_found(hcl: str, violation: str) -> None:
    [entry] = hcl2.loads(f'resource "databricks_job" "x" {{\n{hcl}\n}}\n')["resource"]
    body = entry['"databricks_job"']['"x"']
    assert violation in violations(body, _SCHEMA["databricks_job"], "databricks_job.x", _META)
