"""The session that the detector gets: what is refused, and what is set."""

import logging

import pytest
from pyspark.sql import SparkSession

from spark_jobs.command_line import exit_on_error
from spark_jobs.engine.session import prepared
from spark_jobs.errors import AccessModeError

# As in pyspark.sql.connect.session, which needs packages that only Spark Connect uses.
ConnectSession = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})


class _DatabricksSession(ConnectSession):  # type: ignore[misc, valid-type]
    """A session class of a platform's own."""


class _Session:
    """A session in this process, with its settings."""

    def __init__(self) -> None:
        self.conf = self
        self.settings: dict[str, str] = {}

    def set(self, key: str, value: str) -> None:
        self.settings[key] = value


def as_spark(session: object) -> SparkSession:
    return session  # type: ignore[return-value]


@pytest.mark.parametrize("session", [ConnectSession(), _DatabricksSession()])
def test_a_session_of_spark_connect_exits_with_70_and_names_the_access_mode(
    session: object, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as exited, exit_on_error(logging.getLogger("spark-connect")):
        prepared(as_spark(session))
    assert exited.value.code == 70
    assert isinstance(exited.value.__cause__, AccessModeError)
    assert caplog.messages == [
        "the detector cannot run on serverless compute or in standard access mode (Spark Connect): "
        'run it on a cluster in dedicated access mode (data_security_mode "SINGLE_USER")'
    ]


def test_a_running_session_gets_the_settings_that_it_accepts() -> None:
    session = _Session()
    prepared(as_spark(session))
    assert session.settings["spark.sql.streaming.minBatchesToRetain"] == "2"
