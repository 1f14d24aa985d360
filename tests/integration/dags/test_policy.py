"""Requirements on every DAG."""

import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from airflow.sdk import DAG, BaseHook, RetryAction, Variable
from airflow.sdk.execution_time import supervisor

from orchestration.dag_defaults import TASK_DEFAULTS
from orchestration.dag_ids import DAG_IDS, RULES_DAG
from orchestration.notify import AlertNotSentError
from orchestration.settings import SettingsError
from orchestration.state_store import VariableMalformedError
from orchestration.variables import VariableUnreadableError
from spark_jobs.errors import OffsetUnreadableError, SourceMissingError, StorageError, StorageRefusedError
from tests.harness.pipeline import ROOT

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
