"""Delta's jars for Spark, for the tests and benchmarks that read our tables with Spark. `python -m local.jars` fetches.

The jobs themselves need none: they write Delta with `deltalake`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

_JARS = Path(sys.prefix) / "jars"
_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"


def delta_jars() -> list[Path]:
    """Return the jars.

    Raises:
        FileNotFoundError: they have not been fetched.
    """
    jars = sorted(_JARS.glob("*.jar"))
    if not jars:
        msg = f"no jars in {_JARS}: run `make setup`"
        raise FileNotFoundError(msg)
    return jars


def delta_session(cores: int, jars: list[Path]) -> SparkSession:
    """Return a local Spark session that knows Delta."""
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


def _fetch() -> None:
    with tempfile.TemporaryDirectory() as ivy:
        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.jars.packages", _PACKAGE)
            .config("spark.jars.ivy", ivy)
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "ERROR")
            .getOrCreate()
        )
        session.stop()
        _JARS.mkdir(exist_ok=True)
        for jar in Path(ivy, "jars").glob("*.jar"):
            shutil.copy(jar, _JARS)


if __name__ == "__main__" and not list(_JARS.glob("*.jar")):
    _fetch()
