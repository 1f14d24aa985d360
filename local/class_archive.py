"""An archive of the classes that Spark loads whenever it starts: `python -m local.class_archive`.

Java maps it into memory instead of reading, verifying and linking thousands of classes, which halves the start of a
session. An archive made by another Java or from other jars is ignored.
"""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

_TRANSACTIONS = "customer,gender,merchant,category,amount\nC1,F,M1,es_food,12.50\n"
_SECONDS = 180
# Classes that cannot be archived, and archives of other jars, are no reason for a warning.
_NO_WARNINGS = "-Xlog:cds*=off"


def archive_options(java_home: Path) -> str:
    """Return the options with which Java uses the archive; none if there is none."""
    archive = archive_of(java_home)
    return _using(archive) if archive.exists() else ""


def archive_of(java_home: Path) -> Path:
    """Return where the archive for the installed Spark and a Java is kept."""
    return Path(sys.prefix) / f"spark-{version('pyspark')}-{java_home.name}.jsa"


def is_usable(archive: Path) -> bool:
    """Return whether Java can use an archive with the jars that are installed."""
    # Importing it takes 0.2 s, which commands that only use an archive do not have to wait for.
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_SUBMIT_OPTS": f"{_using(archive)} -Xshare:on"}
    command = [str(home / "bin" / "spark-submit"), "--version"]
    return not subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def write_archive(archive: Path) -> str:
    """Write an archive of what a detector loads; return the detector's output if Java could not."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as name:
        written = Path(name) / archive.name
        lake = (Path(name) / "lake").as_uri()
        source = Path(name) / "transactions.csv"
        source.write_text(_TRANSACTIONS)
        chunker = [sys.executable, "-m", "spark_jobs.chunker.cli", "--source", source.as_uri(), "--lake", lake]
        subprocess.run(chunker, capture_output=True, check=True)
        detector = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", lake, "--available-now"]
        environment = {**os.environ, "SPARK_SUBMIT_OPTS": f"-XX:ArchiveClassesAtExit={written} {_NO_WARNINGS}"}
        # Until Java has closed its output, too: it writes the archive after the detector has ended.
        done = subprocess.run(detector, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if not is_usable(written):
            return done.stdout + done.stderr
        written.replace(archive)
        return ""


def _using(archive: Path) -> str:
    return f"-XX:SharedArchiveFile={archive} {_NO_WARNINGS}"


def main() -> None:
    """Write the archive unless there is a usable one; Spark starts without it, too."""
    archive = archive_of(Path(os.environ["JAVA_HOME"]))
    output = "" if is_usable(archive) else write_archive(archive)
    if output:
        print(f"{output}\nThis Java has written no archive of classes (its output is above): Spark starts more slowly")


if __name__ == "__main__":
    main()
