import json
import traceback
from collections.abc import Callable

import pytest

from local.ports import free_port
from orchestration.notify import AlertConnectionError, AlertNotSentError, send
from tests.harness.webhook import webhook

TOKEN = "T00000000/B00000000/canary9f86d081884c7d65"

Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    def connection(port: int, conn_type: str = "slackwebhook") -> None:
        given = {"conn_type": conn_type, "host": "127.0.0.1", "port": port, "schema": "http", "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps(given))

    return connection


def test_a_webhook_is_sent_the_text(connect: Connect) -> None:
    with webhook() as (port, received):
        connect(port)
        send("WARNING landing-late", "ops")
    assert received == [{"text": "WARNING landing-late"}]


@pytest.mark.parametrize("reached", [True, False], ids=["refused", "not reached"])
def test_the_error_of_a_webhook_does_not_contain_its_secret(connect: Connect, reached: bool) -> None:
    with webhook(status=404) as (port, _):
        connect(port if reached else free_port(0))
        with pytest.raises(AlertNotSentError, match="connection ops: the webhook did not accept the alert") as failed:
            send("WARNING landing-late", "ops")
    assert ("404" in str(failed.value)) == reached
    assert TOKEN not in "".join(traceback.format_exception(failed.value))


def test_a_connection_that_carries_no_messages_is_named(connect: Connect) -> None:
    connect(1, "ftp")
    with pytest.raises(AlertConnectionError, match="connection ops is of type ftp") as failed:
        send("WARNING landing-late", "ops")
    assert TOKEN not in str(failed.value)
