"""Other users of the machine can create files under `/tmp` first, whose names they can predict."""

import re
from pathlib import Path

import pytest

from tests.harness.pipeline import ROOT

_FOLDERS = ("local", "tests", ".ci", "docker", "spark_jobs", "plugins", "dags", "benchmarks")
_FILES = [
    *(path for name in _FOLDERS for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".sh", "")),
    *(ROOT / name for name in ("Makefile", "Dockerfile", "docker-compose.yml")),
]
# `mktemp` and `tempfile` choose random names, unless `mktemp` is asked for one only.
_PREDICTABLE = re.compile(r"(?<![\w.])/(?:var/)?tmp(?:/|\b)|gettempdir|tempfile\.mktemp|mktemp -u")


@pytest.mark.parametrize("line", ["x=/tmp/log", "dir=/var/tmp", "'/tmp'", "tempfile.gettempdir()", "tempfile.mktemp()"])
def test_a_predictable_name_is_found(line: str) -> None:
    assert _PREDICTABLE.search(line)


def test_no_file_has_a_predictable_name_under_tmp() -> None:
    texts = {path: path.read_text() for path in _FILES if path.is_file() and path != Path(__file__)}
    assert len(texts) > 100
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        # A container's `/tmp` is its own.
        if _PREDICTABLE.search(line) and "tmpfs:" not in line
    ]
    assert found == []
