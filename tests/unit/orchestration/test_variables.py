"""An Airflow variable that cannot be read is never taken for one that is not set."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import supervisor, task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult
from airflow.sdk.execution_time.secrets.execution_api import ExecutionAPISecretsBackend

from orchestration.settings import VARIABLE, Settings, SettingsError, load_settings
from orchestration.state_store import VariableMalformedError
from orchestration.variables import AirflowVariables, VariableUnreadableError, read_variable

NOT_FOUND = ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
REFUSED = ErrorResponse(error=ErrorType.PERMISSION_DENIED)
DOWN = ErrorResponse(error=ErrorType.API_SERVER_ERROR)

ApiServer = Callable[[Any], None]


class Backend:
    """A secrets backend with one answer for every variable, or one error."""

    def __init__(self, answer: str | Exception | None) -> None:
        self._answer = answer

    def get_variable(self, key: str) -> str | None:
        assert key
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture
def api_server(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    """Return a function that sets the answer of the API server, or the error that asking it raises."""

    def answers(answer: Any) -> None:
        class Comms:
            def send(self, message: GetVariable) -> Any:
                assert isinstance(message, GetVariable)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(), raising=False)

    return answers


def ask(monkeypatch: pytest.MonkeyPatch, *backends: object) -> str | None:
    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: backends)
    return read_variable("x")


def test_the_first_backend_that_has_a_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, Backend(None), Backend("1"), Backend(OSError())) == "1"
    assert ask(monkeypatch, Backend(None)) is None


def test_a_backend_that_fails_is_named_and_its_text_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        VariableUnreadableError, match=r"variable x: Backend cannot be read .PermissionError."
    ) as failed:
        ask(monkeypatch, Backend(PermissionError("canary")), Backend("1"))
    assert "canary" not in str(failed.value)


@pytest.mark.parametrize("answer", [NOT_FOUND, AirflowRuntimeError(NOT_FOUND)], ids=["returned", "raised"])
def test_a_variable_that_the_api_server_does_not_have_is_not_set(
    monkeypatch: pytest.MonkeyPatch, api_server: ApiServer, answer: Any
) -> None:
    api_server(answer)
    assert ask(monkeypatch, ExecutionAPISecretsBackend()) is None
    assert AirflowVariables().read("x") is None


@pytest.mark.parametrize("answer", [DOWN, REFUSED, AirflowRuntimeError(DOWN), ConnectionError(), None], ids=repr)
def test_an_api_server_that_fails_is_an_error(
    monkeypatch: pytest.MonkeyPatch, api_server: ApiServer, answer: Any
) -> None:
    api_server(answer)
    with pytest.raises(VariableUnreadableError, match="variable x: the API server cannot be read"):
        ask(monkeypatch, ExecutionAPISecretsBackend())
    with pytest.raises(VariableUnreadableError):
        AirflowVariables().read("x")


def test_state_that_is_not_json_is_an_error(api_server: ApiServer) -> None:
    api_server(VariableResult(key="x", value="{"))
    with pytest.raises(VariableMalformedError, match=r"variable x: not JSON .* delete the variable"):
        AirflowVariables().read("x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON (Expecting value: line 1 column 1 (char 0)); write the settings as a JSON object"),
        ('{"lake": ', "not JSON (Expecting value: line 1 column 10 (char 9))"),
        ('[{"lake": "s3://a/b"}]', 'must be a JSON object such as {"chunk_size": 10000}, not a list'),
        ("null", "not null"),
        ("7", "not a number"),
        (json.dumps('{"lake": "s3://a/b"}'), "not a string; if it holds the object, remove the outer quotes"),
        ('{"chunk_size": 1, "stuck_seconds": Infinity}', "stuck_seconds: input should be a finite number, not inf"),
    ],
)
def test_settings_that_cannot_be_used_are_never_the_defaults(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW_VAR_{VARIABLE.upper()}", text)
    with pytest.raises(SettingsError) as failed:
        load_settings()
    assert str(failed.value).startswith("Airflow variable transaction_patterns: ")
    assert said in str(failed.value)


def test_settings_that_are_not_set_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"AIRFLOW_VAR_{VARIABLE.upper()}", raising=False)
    assert load_settings() == Settings()
