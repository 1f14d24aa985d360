"""Run a command with the environment variables that Spark needs: `python -m local.environment COMMAND …`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.java import find_java


def spark_environment(java_home: Path) -> Mapping[str, str]:
    """Return the variables for Spark: its Java, this interpreter for its workers, loopback only."""
    variables = {"JAVA_HOME": str(java_home), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    if os.environ.get("LC_ALL") in ("C", "POSIX"):
        # Otherwise Java finds no jar under a path with non-ASCII letters. Python itself coerces LANG.
        variables["LC_ALL"] = "C.UTF-8"
    return variables


if __name__ == "__main__":
    home = find_java()
    if home is None:
        raise SystemExit("Java 17 or later is needed: run `make setup`")
    os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, **spark_environment(home)})
