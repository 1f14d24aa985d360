"""The session that the detector gets: what is refused, and what is set."""

import logging
from types import SimpleNamespace

import pytest
from py4j.java_gateway import JavaPackage
from pyspark.sql import SparkSession

from spark_jobs.command_line import exit_on_error
from spark_jobs.engine.session import _delta_start_settings, prepared, with_delta_settings
from spark_jobs.errors import AccessModeError, DeltaMissingError

# As in pyspark.sql.connect.session, which needs packages that only Spark Connect uses.
ConnectSession = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})


class _DatabricksSession(ConnectSession):  # type: ignore[misc, valid-type]
    """A session class of a platform's own."""


class _Session:
    """A session in this process, with its settings."""

    def __init__(self) -> None:
        self.conf = self
        self.settings: dict[str, str] = {}
        self._jvm: object = None

    def set(self, key: str, value: str) -> None:
        self.settings[key] = value

    def stop(self) -> None:
        pass


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


def on_class_path(*, s3a: object) -> SimpleNamespace:
    """Return the names of a JVM with Delta's jars."""
    delta = SimpleNamespace(sql=SimpleNamespace(DeltaSparkSessionExtension=object()))
    hadoop = SimpleNamespace(
        fs=SimpleNamespace(s3a=SimpleNamespace(S3AFileSystem=s3a)),
        util=SimpleNamespace(VersionInfo=SimpleNamespace(getVersion=lambda: "3.5.0")),
    )
    return SimpleNamespace(io=SimpleNamespace(delta=delta), org=SimpleNamespace(apache=SimpleNamespace(hadoop=hadoop)))


@pytest.mark.parametrize(
    ("lake", "s3a"),
    [("s3://bucket/lake", object()), ("file:///lake", JavaPackage("org.apache.hadoop.fs.s3a.S3AFileSystem", None))],
)
def test_a_lake_that_spark_can_access_gets_the_settings_of_delta(lake: str, s3a: object) -> None:
    session = _Session()
    session._jvm = on_class_path(s3a=s3a)
    with_delta_settings(as_spark(session), lake)
    assert session.settings["spark.sql.parquet.compression.codec"] == "zstd"


def test_a_lake_on_s3_without_hadoop_aws_names_the_release_for_this_spark() -> None:
    session = _Session()
    session._jvm = on_class_path(s3a=JavaPackage("org.apache.hadoop.fs.s3a.S3AFileSystem", None))
    with pytest.raises(DeltaMissingError, match=r"s3://bucket/lake: .* org\.apache\.hadoop:hadoop-aws:3\.5\.0, "):
        with_delta_settings(as_spark(session), "s3://bucket/lake")


@pytest.mark.parametrize(("lake", "replaced"), [("s3://bucket/lake", True), ("file:///lake", False)])
def test_hadoop_aws_gets_the_local_file_system_that_it_casts_to(lake: str, replaced: bool) -> None:
    settings = _delta_start_settings(lake)
    assert (settings.get("spark.hadoop.fs.file.impl") == "org.apache.hadoop.fs.LocalFileSystem") is replaced
