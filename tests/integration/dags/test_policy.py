"""Requirements on every DAG."""

import runpy
import socket
import sys
from collections.abc import Iterator
from copy import copy
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from airflow.sdk import DAG, BaseHook, RetryAction, Variable
from airflow.sdk.execution_time import supervisor

from orchestration.chunker_mode import ChunkerMode
from orchestration.dag_defaults import TASK_DEFAULTS
from orchestration.dag_ids import CHUNKER_DAG, DAG_IDS, FOLLOWER_DAG, RULES_DAG
from orchestration.notify import AlertNotSentError
from orchestration.settings import SettingsError
from orchestration.state_store import VariableMalformedError
from orchestration.variables import VariableUnreadableError
from spark_jobs.errors import OffsetUnreadableError, SourceMissingError, StorageError, StorageRefusedError
from tests.harness.pipeline import ROOT
from tests.integration.docs.pages import blocks

DAGS = set(DAG_IDS)


def refuse(*_: object, **__: object) -> None:
    pytest.fail("parsing the DAGs used the network, a variable or a connection")


@pytest.fixture(scope="module")
def dags() -> Iterator[dict[str, DAG]]:
    """The DAGs, parsed without a network, a variable or a connection."""
    sys.path.insert(0, str(ROOT / "dags"))
    with pytest.MonkeyPatch.context() as parsing:
        parsing.setattr(socket.socket, "connect", refuse)
        parsing.setattr(Variable, "get", refuse)
        parsing.setattr(supervisor, "ensure_secrets_backend_loaded", refuse)
        parsing.setattr(BaseHook, "get_connection", refuse)
        modules = [import_module(path.stem) for path in sorted((ROOT / "dags").glob("*.py"))]
    yield {module.dag.dag_id: module.dag for module in modules}
    sys.path.remove(str(ROOT / "dags"))


def test_there_is_one_dag_per_file(dags: dict[str, DAG]) -> None:
    assert set(dags) == DAGS == {path.stem for path in (ROOT / "dags").glob("*.py")}


@pytest.mark.parametrize("mode", ChunkerMode)
def test_of_the_dags_that_land_only_that_of_the_mode_has_a_schedule(
    mode: ChunkerMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TRANSACTION_PATTERNS__CHUNKER_MODE", mode.value)
    parsed = {dag_id: runpy.run_path(str(ROOT / "dags" / f"{dag_id}.py"))["dag"] for dag_id in DAG_IDS}
    scheduled = {dag_id for dag_id, dag in parsed.items() if dag.schedule is not None}
    assert scheduled == set(DAG_IDS) - {CHUNKER_DAG, FOLLOWER_DAG, RULES_DAG} | {mode.dag_id}


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_dag_has_owner_description_and_timeouts(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.doc_md
    assert "```" in dag.doc_md, "a diagram"
    assert dag.description
    assert "transaction-patterns" in dag.tags
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.dagrun_timeout
    if dag_id == RULES_DAG:
        assert not dag.deadline, "it waits for people"
    else:
        [deadline] = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
        assert deadline
        assert isinstance(deadline.interval, timedelta)
        assert deadline.interval < dag.dagrun_timeout
    for task in dag.tasks:
        assert task.owner == "transaction-patterns"
        assert task.execution_timeout
        assert task.execution_timeout < dag.dagrun_timeout
        assert task.retries
        assert task.retries >= 2
        assert task.retry_exponential_backoff == 2.0
        assert task.retry_delay.total_seconds() <= 5
        assert task.on_failure_callback
        assert task.on_success_callback
        assert task.on_skipped_callback
        assert task.retry_policy is TASK_DEFAULTS["retry_policy"]
        assert task.pool == "default_pool", "another pool might not exist, and then no task starts"
        assert (task.weight_rule, task.priority_weight) == ("absolute", 1), "it outranks nobody's tasks"


def test_the_documented_policy_assigns_a_pool(dags: dict[str, DAG]) -> None:
    page = ROOT / "docs" / "how-to" / "shared-airflow.md"
    [text] = [block.text for block in blocks(page) if "def task_policy" in block.text]
    policy: dict[str, Any] = {}
    exec(text, policy)
    for task in (copy(task) for dag in dags.values() for task in dag.tasks):
        policy["task_policy"](task)
        assert task.pool == "transaction_patterns"


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (OffsetUnreadableError(), RetryAction.FAIL),
        (StorageRefusedError(), RetryAction.FAIL),
        (SettingsError(), RetryAction.FAIL),
        (VariableMalformedError("x", "not JSON"), RetryAction.FAIL),
        (VariableUnreadableError(), RetryAction.DEFAULT),
        (SourceMissingError(), RetryAction.DEFAULT),
        (StorageError(), RetryAction.DEFAULT),
        (AlertNotSentError(), RetryAction.DEFAULT),
        (OSError(), RetryAction.DEFAULT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_errors_that_a_retry_may_help_are_retried(error: Exception, action: RetryAction) -> None:
    assert TASK_DEFAULTS["retry_policy"].evaluate(error, try_number=1, max_tries=3).action is action
