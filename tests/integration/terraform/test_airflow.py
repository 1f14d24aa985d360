"""Airflow's secrets backend finds the DAGs' settings and connections, given only Terraform's `airflow_environment`."""

import json
from typing import Any

import httpx
import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk import Connection

from orchestration.settings import Settings, parse_settings
from tests.integration.terraform.conftest import Environment

pytestmark = [pytest.mark.terraform, pytest.mark.slow]


@pytest.fixture
def backend(applied: Environment, monkeypatch: pytest.MonkeyPatch) -> SecretsManagerBackend:
    for name, value in applied.aws.environment.items():
        monkeypatch.setenv(name, value)
    given = applied.outputs["airflow_environment"]
    assert given["AIRFLOW__SECRETS__BACKEND"].endswith(f".{SecretsManagerBackend.__name__}")
    return SecretsManagerBackend(**json.loads(given["AIRFLOW__SECRETS__BACKEND_KWARGS"]))


def connection(backend: SecretsManagerBackend, name: str) -> Connection:
    found = backend.get_conn_value(name)
    assert found
    return Connection.from_json(found, conn_id=name)


def test_the_dags_accept_the_settings(applied: Environment, backend: SecretsManagerBackend) -> None:
    found = backend.get_variable("transaction_patterns")
    assert found
    settings = parse_settings(json.loads(found))
    assert (settings.source, settings.lake) == (applied.outputs["source"], applied.outputs["lake"])
    assert settings.chunk_size == 10_000
    assert settings.start_seconds >= 600, "a starting cluster must not count as a stuck detector"


def settings_of(backend: SecretsManagerBackend) -> Settings:
    return parse_settings(json.loads(backend.get_variable("transaction_patterns") or ""))


def test_airflows_hook_gets_a_token_with_the_oauth_client(
    backend: SecretsManagerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook sends the client's id and secret to the workspace's own token endpoint."""
    found = connection(backend, settings_of(backend).databricks_connection)
    hook = DatabricksHook("databricks")
    monkeypatch.setattr(DatabricksHook, "get_connection", lambda *_: found)
    asked: dict[str, str] = {}

    def post(url: str, **arguments: Any) -> httpx.Response:
        asked.update(url=url, user=arguments["auth"].username, password=arguments["auth"].password)
        answer = {"access_token": "token", "token_type": "Bearer", "expires_in": 3600}
        return httpx.Response(200, json=answer, request=httpx.Request("POST", url))

    monkeypatch.setattr("airflow.providers.databricks.hooks.databricks_base.requests.post", post)
    assert hook._get_token() == "token"
    assert asked == {
        "url": "https://dev.cloud.databricks.com/oidc/v1/token",
        "user": "client-of-airflow",
        "password": "secret-of-airflow",
    }


def test_the_client_secret_is_not_in_the_state(applied: Environment) -> None:
    assert "secret-of-airflow" not in applied.terraform("state", "pull").output


def test_names_contain_the_environment(backend: SecretsManagerBackend) -> None:
    settings = settings_of(backend)
    names = ("chunker", "detector", "maintain_state", "what_if", "publish_rules")
    jobs = {value for name, value in settings.model_dump().items() if name.endswith("_job")}
    assert jobs == {f"transaction-patterns-dev-{name}" for name in names}
    for name in (settings.databricks_connection, settings.aws_connection):
        assert name.startswith("transaction_patterns_dev_")


def test_the_supervisor_does_not_edit_the_job(backend: SecretsManagerBackend) -> None:
    assert not settings_of(backend).unpause_detector


def test_alerts_go_to_the_topic_and_both_connections_assume_airflows_role(
    applied: Environment, backend: SecretsManagerBackend
) -> None:
    settings = settings_of(backend)
    alerts = connection(backend, settings.alert_connection)
    assert (alerts.conn_type, alerts.extra_dejson["topic_arn"]) == ("aws", applied.outputs["alert_topic_arn"])
    for name in (settings.alert_connection, settings.aws_connection):
        assert connection(backend, name).extra_dejson["role_arn"] == applied.outputs["airflow_role_arn"]


def test_other_connections_and_variables_are_not_looked_up(backend: SecretsManagerBackend) -> None:
    assert backend.get_conn_value("postgres_default") is None
    assert backend.get_variable("transaction_patterns_notified_freshness") is None
    assert "client" not in vars(backend), "a request was made"


def test_airflows_role_can_read_the_secrets_and_publish_alerts(applied: Environment) -> None:
    role = applied.aws.assume(applied.outputs["airflow_role_arn"])
    with applied.aws.enforcing():
        prefix = "transaction-patterns-dev/airflow/connections"
        applied.aws.client("secretsmanager", role).get_secret_value(
            SecretId=f"{prefix}/transaction_patterns_dev_databricks"
        )
        topic = applied.outputs["alert_topic_arn"]
        assert applied.aws.client("sns", role).publish(TopicArn=topic, Message="x")["MessageId"]
