import re
from pathlib import Path

import psutil
import pytest

from local.preflight import NEEDED_BYTES, check_files, check_memory, free_memory


def test_too_little_memory_is_reported_with_both_numbers() -> None:
    check_memory(NEEDED_BYTES)
    with pytest.raises(OSError, match=r"3\.0 GB of free memory are needed, 1\.4 GB are free: close other programs"):
        check_memory(1_400_000_000)


def test_an_unreadable_file_is_reported_with_its_option_and_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_bytes(b"customer,gender,merchant,category,amount\n")
    for files, message in (
        ((Path("my.csv"), None), "--source my.csv cannot be read: No such file or directory"),
        ((Path("mine.csv"), Path("weights.csv")), "--importance weights.csv cannot be read: No such file or directory"),
        ((tmp_path, None), f"--source {tmp_path} cannot be read: Is a directory"),
    ):
        with pytest.raises(OSError, match=re.escape(f"{message} (in {tmp_path})")):
            check_files(*files)


def test_free_memory_is_that_of_the_container_if_it_has_less(tmp_path: Path) -> None:
    available = psutil.virtual_memory().available
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 100\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_memory(tmp_path) == 800
