"""Airflow variables, read so that one that cannot be read is never taken for one that is not set.

`Variable.get` logs the error of a secrets backend, or of the JSON parser, and returns its default.
"""

import json
from collections.abc import Callable
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import supervisor, task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult
from airflow.sdk.execution_time.secrets.execution_api import ExecutionAPISecretsBackend

from orchestration.state_store import VariableMalformedError


class VariableUnreadableError(RuntimeError):
    """Raised when a secrets backend or the API server fails; a later try may succeed."""


class AirflowVariables:
    """Keeps state in Airflow's database; the secrets backends, which hold only settings, are not asked."""

    def read(self, name: str) -> Any:
        """Return the value of a variable, or None if there is none.

        Raises:
            VariableUnreadableError: the API server fails.
            VariableMalformedError: it is not JSON.
        """
        text = _translated(name, "the API server", lambda: _ask_api_server(name))
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            problem = f"not JSON ({error}); delete the variable, and the DAG starts afresh"
            raise VariableMalformedError(name, problem) from error

    def write(self, name: str, value: Any) -> None:
        """Replace the value of a variable."""
        Variable.set(name, value, serialize_json=True)


def read_variable(name: str) -> str | None:
    """Return the text of a variable from the first secrets backend that has it, or None if none has.

    Raises:
        VariableUnreadableError: a backend fails before the variable is found.
    """
    for backend in supervisor.ensure_secrets_backend_loaded():
        if isinstance(backend, ExecutionAPISecretsBackend):
            text = _translated(name, "the API server", lambda: _ask_api_server(name))
        else:
            text = _translated(name, type(backend).__name__, lambda: backend.get_variable(key=name))  # noqa: B023
        if text is not None:
            return text
    return None


def _ask_api_server(name: str) -> str | None:
    """Ask as `ExecutionAPISecretsBackend` does, which returns None for every error but a refusal."""
    try:
        answer = task_runner.SUPERVISOR_COMMS.send(GetVariable(key=name))
    except AirflowRuntimeError as error:
        answer = error.error
    if isinstance(answer, VariableResult):
        return answer.value
    if isinstance(answer, ErrorResponse):
        if answer.error is ErrorType.VARIABLE_NOT_FOUND:
            return None
        raise AirflowRuntimeError(answer)
    msg = f"an answer of type {type(answer).__name__}"
    raise TypeError(msg)


def _translated(name: str, backend: str, read: Callable[[], str | None]) -> str | None:
    try:
        return read()
    # Each backend raises errors of its own; their texts may contain secrets.
    except Exception as error:
        msg = f"Airflow variable {name}: {backend} cannot be read ({type(error).__name__}); fix its access, see the log"
        raise VariableUnreadableError(msg) from error
