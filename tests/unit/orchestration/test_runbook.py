"""Every alert has its section in the runbook, and the commands, settings and errors that it names exist."""

import argparse
import ast
import inspect
import re
import shlex
from collections.abc import Iterator

import botocore.session
import hcl2
import pytest
from botocore import xform_name
from databricks.sdk import WorkspaceClient

from orchestration.alerts import RULES_APPROVAL, RUN_LATE, RUNBOOK, TASK_FAILED, runbook_section
from orchestration.dag_ids import DAG_IDS
from orchestration.settings import Settings
from spark_jobs import errors
from spark_jobs.chunker import cli as chunker
from spark_jobs.detector import cli as detector
from spark_jobs.maintenance import cli as maintenance
from spark_jobs.publishing import cli as publishing
from tests.harness.pipeline import ROOT

TEXT = (ROOT / RUNBOOK).read_text()
ALARMS = (ROOT / "terraform" / "modules" / "alerts" / "alarms.tf").read_text()
# Without a key, or sent by Databricks itself.
OTHERS = {TASK_FAILED, RUN_LATE, RULES_APPROVAL, "databricks-mail"}


def sections() -> dict[str, str]:
    """Return the text of each section by its title; sections of alerts have titles of one word."""
    parts = re.split(r"^#{2,3} (.+)$", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def alert_keys() -> set[str]:
    """Return the key of every alert in the code."""
    keys = set()
    for path in (ROOT / "plugins" / "orchestration").glob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            position = {"Alert": 0, "_alert": 0, "repair": 0}.get(getattr(call.func, "id", ""))
            if position is not None and isinstance(key := call.args[position], ast.Constant):
                keys.add(str(key.value))
    return keys


def alarm_descriptions() -> dict[str, str]:
    """Return the description of every alarm by its name without the prefix."""
    found = {}
    for resource in hcl2.loads(ALARMS)["resource"]:
        for kind, named in resource.items():
            if kind.strip('"') == "aws_cloudwatch_metric_alarm":
                for alarm in named.values():
                    name = alarm["alarm_name"].strip('"')
                    found[name.removeprefix("${var.name}-")] = alarm["alarm_description"].strip('"')
    return found


def commands() -> list[list[str]]:
    """Return every command line of the runbook, without `$ `; variables are not expanded."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line.strip()[2:]) for block in blocks for line in block.splitlines() if line.strip()]


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    keys, alarms = alert_keys(), set(alarm_descriptions())
    assert keys
    assert alarms
    expected = keys | alarms | OTHERS
    assert expected == {title for title in sections() if re.fullmatch("[a-z-]+", title)}


def test_every_alarm_names_its_section() -> None:
    for name, description in alarm_descriptions().items():
        assert runbook_section(name) in description


@pytest.mark.parametrize("name", sorted(title for title in sections() if re.fullmatch("[a-z-]+", title)))
def test_a_section_has_the_meaning_the_places_to_look_and_the_remedy(name: str) -> None:
    text = sections()[name]
    assert [mark for mark in ("**Means**", "**See more**", "**Do**") if mark in text] == [
        "**Means**",
        "**See more**",
        "**Do**",
    ]


def test_every_task_and_every_dag_is_named() -> None:
    dags = {path.stem: path.read_text() for path in (ROOT / "dags").glob("*.py")}
    assert len(dags) == len(DAG_IDS)
    tasks = [task for text in dags.values() for task in re.findall(r'task_id="(\w+)"|@task\(.*\)\n    def (\w+)', text)]
    for task in {name for pair in tasks for name in pair if name}:
        assert f"`{task}`" in sections()[TASK_FAILED], task
    for dag in dags:
        assert f"`{dag}`" in sections()[RUN_LATE], dag


def test_the_errors_and_settings_in_it_exist() -> None:
    for name in re.findall(r"`(\w+Error)`", TEXT):
        assert issubclass(getattr(errors, name), errors.PipelineError)
    known = set(inspect.signature(Settings).parameters)
    for name in re.findall(r"`(\w+_(?:seconds|share|hour|run|job|connection|format))`", TEXT):
        assert name in known, name


def test_its_links_have_targets() -> None:
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections()}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) > 10
    for link in links:
        path, _, anchor = link.partition("#")
        assert not path or (ROOT / "docs" / path).exists(), link
        assert not anchor or anchor in anchors, link


def test_the_files_in_security_md_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    paths = re.findall(r"`((?:tests|terraform|docs)/[\w./]*)`", text)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_a_command_in_it_exists(command: list[str]) -> None:
    match command:
        case ["chunker", *arguments]:
            chunker._parser().parse_args(arguments)
        case ["detector", *arguments]:
            detector._parser().parse_args(arguments)
        case ["maintain_state", *arguments]:
            maintenance._parser().parse_args(arguments)
        case ["rules", *arguments]:
            publishing._parser().parse_args(arguments)
        case ["airflow", *arguments]:
            _airflow_parser().parse_args(arguments)
        case ["aws", "s3", verb, *_]:
            assert verb in ("cp", "mv", "ls", "rm", "sync")
        case ["aws", service, operation, *arguments]:
            _assert_aws(service.replace("s3api", "s3"), operation, arguments)
        case ["databricks", group, operation, *_]:
            method = getattr(getattr(WorkspaceClient, group).fget, "__annotations__")["return"]  # noqa: B009
            assert callable(getattr(method, operation.replace("-", "_")))
        case ["terraform", chdir, "apply", values]:
            assert (ROOT / chdir.partition("=")[2]).is_dir()
            assert (ROOT / "terraform" / values.rpartition("=")[2]).exists()
        case ["export", *assignments]:
            assert all("=" in assignment for assignment in assignments)
        case _:
            pytest.fail(f"this test does not know the command {command}")


def _airflow_parser() -> argparse.ArgumentParser:
    from airflow.cli.cli_parser import get_parser

    return get_parser()


def _assert_aws(service: str, operation: str, arguments: list[str]) -> None:
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
    members = {xform_name(name, "-") for name in operations[operation].input_shape.members}
    for option in _options(arguments):
        assert option in members, f"{operation} has no --{option}"


def _options(arguments: list[str]) -> Iterator[str]:
    return (argument[2:] for argument in arguments if argument.startswith("--"))
