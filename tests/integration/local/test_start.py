"""What makes Spark, and the local stack, start faster."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from local.class_archive import archive_of, archive_options, is_usable
from local.environment import spark_environment
from local.java import find_java

_SPARK = Path(pyspark.__file__).parent
_ZIPS = sorted(map(str, (_SPARK / "python" / "lib").glob("*.zip")))


@pytest.fixture(scope="module")
def java() -> Path:
    home = find_java()
    assert home
    return home


def _worker(java: Path, code: str, python_path: list[str]) -> str:
    """Run code in the Python of Spark's workers; return its output."""
    environment = {**os.environ, **spark_environment(java), "PYTHONPATH": os.pathsep.join(python_path)}
    command = [environment["PYSPARK_PYTHON"], "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_worker_of_spark_imports_the_installed_pyspark_and_not_sparks_zip(java: Path) -> None:
    assert len(_ZIPS) == 2
    assert ".zip" not in _worker(java, "import pyspark, py4j; print(pyspark.__file__, py4j.__file__)", _ZIPS)


@pytest.mark.parametrize("others", [[], ["/a b"], ["/a", "/other.zip"]])
def test_a_worker_of_spark_keeps_everything_else_on_its_path(java: Path, others: list[str]) -> None:
    code = "import os; print(os.environ['PYTHONPATH'])"
    assert _worker(java, code, [*others[:1], *_ZIPS, *others[1:]]) == os.pathsep.join(others)


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        # Spark starts four processes with it, one after another.
        ("spark_jobs.detector.chunk_source", "pandas"),
        # Everything starts after it is imported.
        ("local.run", "pandas"),
        ("local.run", "databricks.sdk"),
        ("local.databricks.__main__", "pandas"),
    ],
)
def test_what_others_wait_for_does_not_import_what_takes_long(module: str, slow: str) -> None:
    code = f"import sys, {module}; sys.exit({slow!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_java_can_use_the_archive_of_classes(java: Path) -> None:
    archive = archive_of(java)
    if not archive.exists():
        pytest.skip("make setup has written none")
    assert is_usable(archive)
    assert str(archive) in archive_options(java)


def test_a_damaged_archive_is_not_usable(tmp_path: Path) -> None:
    damaged = tmp_path / "classes.jsa"
    damaged.write_bytes(b"not an archive")
    assert not is_usable(damaged)


def test_without_an_archive_java_has_no_options(tmp_path: Path) -> None:
    assert archive_options(tmp_path / "another-java") == ""
