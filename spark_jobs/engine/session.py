"""The Spark session: the cluster's on Databricks, a local one elsewhere."""

import os
import sys

import pyspark
from py4j.java_gateway import JavaPackage
from pyspark.sql import SparkSession

from spark_jobs.errors import AccessModeError, DeltaMissingError

# The settings that a running session accepts; the others are fixed when the cluster starts.
_SESSION_SETTINGS = {
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Nothing is kept in Spark between micro-batches.
    "spark.sql.streaming.minBatchesToRetain": "2",
    "spark.sql.streaming.numRecentProgressUpdates": "2",
}
# What `deltalake`, which reads the tables as well, writes.
_DELTA_SETTINGS = {
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Rows cross to Python in fewer pieces.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
}
_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"


def open_session(delta_at: str | None = None) -> SparkSession:
    """Return the session of the Databricks cluster, or a local one elsewhere.

    Args:
        delta_at: URL of the lake whose Delta tables the session will write; None if it will write none.

    Raises:
        AccessModeError: the session is one of Spark Connect.
        DeltaMissingError: the session cannot write Delta tables there.
    """
    # Workers must run this interpreter, in which the wheel is installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("transaction-pattern-detector")
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        further = _delta_start_settings(delta_at) if delta_at else _WITHOUT_DELTA
        for key, value in (_start_settings() | further).items():
            builder = builder.config(key, value)
    spark = prepared(builder.getOrCreate())
    return with_delta_settings(spark, delta_at) if delta_at else spark


def prepared(spark: SparkSession) -> SparkSession:
    """Return a session with the settings that can be set while it is running.

    Raises:
        AccessModeError: the session is one of Spark Connect, where micro-batches run in another process.
    """
    if any(base.__module__.startswith("pyspark.sql.connect.") for base in type(spark).__mro__):
        msg = (
            "the detector cannot run on serverless compute or in standard access mode (Spark Connect): "
            'run it on a cluster in dedicated access mode (data_security_mode "SINGLE_USER")'
        )
        raise AccessModeError(msg)
    for key, value in _SESSION_SETTINGS.items():
        spark.conf.set(key, value)
    return spark


def with_delta_settings(spark: SparkSession, lake: str) -> SparkSession:
    """Return a session that can write the Delta tables of a lake, with the settings for that.

    Raises:
        DeltaMissingError: Delta's jars, or those for the lake's store, are not on its class path.
    """
    if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        _verify_delta(spark)
        if _is_on_s3(lake):
            _verify_s3(spark, lake)
    for key, value in _DELTA_SETTINGS.items():
        spark.conf.set(key, value)
    return spark


def _verify_delta(spark: SparkSession) -> None:
    assert spark._jvm
    # The name of a class that does not exist is read as that of a package.
    if isinstance(spark._jvm.io.delta.sql.DeltaSparkSessionExtension, JavaPackage):
        spark.stop()
        version = ".".join(pyspark.__version__.split(".")[:2])
        msg = (
            f"Delta Lake's jars for Spark {version} are not on the class path, so the tables of the state cannot be"
            " written; name the release of Delta Lake for this Spark in the environment, for Spark 4.2"
            ' PYSPARK_SUBMIT_ARGS="--packages io.delta:delta-spark_4.2_2.13:4.4.0 pyspark-shell", which downloads them'
            " from Maven Central at the first start, or --jars with a copy (docs/how-to/scale-out.md)"
        )
        raise DeltaMissingError(msg)


def _verify_s3(spark: SparkSession, lake: str) -> None:
    """Fail at the start: Spark itself retries for minutes, and then hides the reason in the driver's log."""
    assert spark._jvm
    if isinstance(spark._jvm.org.apache.hadoop.fs.s3a.S3AFileSystem, JavaPackage):
        hadoop = spark._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        spark.stop()
        msg = (
            f"{lake}: Spark cannot access s3:// because hadoop-aws is not on the class path; name its release for"
            f" Spark's Hadoop, org.apache.hadoop:hadoop-aws:{hadoop}, beside Delta Lake in --packages of"
            " PYSPARK_SUBMIT_ARGS, or name copies of its jars in --jars (docs/how-to/scale-out.md)"
        )
        raise DeltaMissingError(msg)


def _start_settings() -> dict[str, str]:
    streaming = "org.apache.spark.sql.execution.streaming" + ("" if pyspark.__version__ < "4.1" else ".checkpointing")
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # Over TCP each task waits 40 ms for an acknowledgement; Spark 4.0 ignores the setting.
        "spark.python.unix.domain.socket.enabled": "true",
        # The checkpoint is disposable: skip checksum files, and a `chmod` process for each, which take half of Spark's
        # own time per micro-batch (docs/decisions/0003).
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.sql.streaming.checkpointFileManagerClass": f"{streaming}.FileSystemBasedCheckpointFileManager",
    }


# The work is done in Python: using the C1 compiler alone saves 2 s at a start (docs/decisions/0003).
_WITHOUT_DELTA = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def _delta_start_settings(lake: str) -> dict[str, str]:
    cores = str(os.cpu_count() or 1)
    settings = {
        "spark.sql.extensions": _EXTENSION,
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # With hadoop-aws on the class path, addresses are the same for all clients.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        # The defaults, 50 to 10,000 tasks, are for clusters.
        "spark.databricks.delta.snapshotPartitions": cores,
        "spark.sql.shuffle.partitions": cores,
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": cores,
    }
    if _is_on_s3(lake):
        # hadoop-aws buffers uploads on the local disk, and fails with any other class than this one.
        settings["spark.hadoop.fs.file.impl"] = "org.apache.hadoop.fs.LocalFileSystem"
    return settings


def _is_on_s3(lake: str) -> bool:
    return lake.startswith("s3://")
