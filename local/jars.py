"""Download Delta's jars for the tests and benchmarks that read or write tables with Spark: `python -m local.jars`.

The jobs need them only where Spark writes the state; by default `deltalake` does.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

_JARS = Path(sys.prefix) / "jars"
_LOG = Path(sys.prefix) / "jars.log"
_VERSION = "4.4.0"
_PACKAGE = f"io.delta:delta-spark_4.2_2.13:{_VERSION}"
# The lines in which Spark's resolver prints why a download failed.
_REASON = re.compile(
    r"^\s*(?:Server access error at url \S+ \((?P<error>.*)\)|Host (?P<host>\S+) not found)", re.MULTILINE
)


def delta_jars() -> list[Path]:
    """Return the paths of the jars.

    Raises:
        FileNotFoundError: they have not been downloaded.
    """
    jars = sorted(_JARS.glob("*.jar"))
    if not jars:
        msg = f"no jars in {_JARS}: run `make setup`"
        raise FileNotFoundError(msg)
    return jars


def delta_session(cores: int, jars: list[Path]) -> SparkSession:
    """Return a local Spark session with Delta."""
    return (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.jars", ",".join(map(str, jars)))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.sql.shuffle.partitions", str(cores))
        .getOrCreate()
    )


def fetch_jars(directory: Path, log: Path) -> None:
    """Download the jars with Spark's own resolver.

    Args:
        directory: for the jars; it is replaced when all of them are there.
        log: for the output of the resolver.

    Raises:
        SystemExit: the download failed; the message says why, and what to do.
    """
    with tempfile.TemporaryDirectory(dir=directory.parent) as ivy:
        nothing_to_run = Path(ivy) / "nothing.py"
        nothing_to_run.touch()
        home = Path(pyspark.__file__).parent
        submit = [str(home / "bin" / "spark-submit"), "--packages", _PACKAGE, "--conf", f"spark.jars.ivy={ivy}"]
        command = [*submit, str(nothing_to_run)]
        with log.open("w") as out:
            done = subprocess.run(
                command, env={**os.environ, "SPARK_HOME": str(home)}, stdout=out, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode:
            raise SystemExit(_failure(log))
        shutil.rmtree(directory, ignore_errors=True)
        Path(ivy, "jars").rename(directory)


def _failure(log: Path) -> str:
    found = _REASON.search(log.read_text())
    reason = (found["error"] or f"host {found['host']} not found") if found else "unknown"
    return (
        f"Delta's jars for Spark, which the tests need, could not be downloaded: {reason}; see {log}."
        " Behind a proxy, set JAVA_TOOL_OPTIONS to Java's -Dhttps.proxyHost, -Dhttps.proxyPort and"
        " -Djavax.net.ssl.trustStore"
    )


if __name__ == "__main__" and not list(_JARS.glob(f"*{_VERSION}.jar")):
    fetch_jars(_JARS, _LOG)
