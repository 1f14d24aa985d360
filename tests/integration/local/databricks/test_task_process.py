"""How a task ends, and what its process can read."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from local.databricks.launcher import Launcher
from local.databricks.server import LocalDatabricks
from local.databricks.task_process import TaskProcess
from tests.integration.local.databricks.conftest import attempt_of, ended, job_of, started, task_of

_WHEEL = """
def returns_10(): return 10
def returns_text(): return "text"
def returns_nothing(): pass
def exits_0(): raise SystemExit(0)
def exits_without_code(): raise SystemExit
def exits_70(): raise SystemExit(70)
def exits_with_text(): raise SystemExit("no such day")
def raises(): raise ValueError("no such day")
"""


@pytest.fixture
def run_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, str]]:
    """Return a function that runs an entry point of a wheel; it returns the exit code and the reported error."""
    (tmp_path / "wheel_of_the_test.py").write_text(_WHEEL)
    metadata = tmp_path / "wheel_of_the_test-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: wheel-of-the-test\nVersion: 1\n")
    names = [line.removeprefix("def ").partition("(")[0] for line in _WHEEL.strip().splitlines()]
    points = "".join(f"{name} = wheel_of_the_test:{name}\n" for name in names)
    (metadata / "entry_points.txt").write_text(f"[console_scripts]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    exits: list[int] = []
    has_ended = threading.Event()

    def on_exit(_attempt: int, code: int) -> None:
        exits.append(code)
        has_ended.set()

    def run(name: str) -> tuple[int, str]:
        failure = tmp_path / "failure.json"
        environment = dict(os.environ)
        task = TaskProcess("wheel-of-the-test", name, "", (), environment, tmp_path / "log", failure)
        Launcher(on_exit).start(1, task)
        assert has_ended.wait(60)
        return exits[0], json.loads(failure.read_text())["error"] if failure.exists() else ""

    return run


@pytest.mark.parametrize(
    ("name", "code", "error"),
    [
        ("returns_10", 0, ""),
        ("returns_text", 0, ""),
        ("returns_nothing", 0, ""),
        ("exits_0", 1, "SystemExit: 0"),
        ("exits_without_code", 1, "SystemExit: None"),
        ("exits_70", 70, "SystemExit: 70"),
        ("exits_with_text", 1, "SystemExit: no such day"),
        ("raises", 1, "ValueError: no such day"),
    ],
)
def test_an_entry_point_succeeds_only_if_it_returns(
    run_entry_point: Callable[[str], tuple[int, str]], name: str, code: int, error: str
) -> None:
    """As on Databricks, where it runs in a notebook's kernel."""
    assert run_entry_point(name) == (code, error)


def test_a_task_finds_the_token_neither_in_its_environment_nor_in_that_of_the_process_it_was_forked_from(
    server: LocalDatabricks, client: WorkspaceClient, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
import os
print(dict(os.environ))
for process in ("self", os.getppid()):
    print(open(f"/proc/{process}/environ").read())
""")
    run = ended(client, started(client, job_of(client, task_of(str(script)))))
    output = client.jobs.get_run_output(attempt_of(run)).logs or ""
    assert "PATH=" in output
    assert server.token not in output
    assert "LOCAL_DATABRICKS_TOKEN" not in output
