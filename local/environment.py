"""Run a command with what Spark needs on one machine: `python -m local.environment COMMAND …`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.java import find_java


def spark_environment(java_home: Path) -> Mapping[str, str]:
    """Return the variables that Spark needs: its Java, this interpreter for its workers, loopback only."""
    return {"JAVA_HOME": str(java_home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}


if __name__ == "__main__":
    home = find_java()
    if home is None:
        raise SystemExit("Java 17 or later is needed: run `make setup`")
    os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, **spark_environment(home)})
