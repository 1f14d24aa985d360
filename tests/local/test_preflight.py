import re
from pathlib import Path

import psutil
import pytest

from local.preflight import NEEDED_BYTES, check_files, check_memory, free_memory


def test_too_little_memory_is_said_with_both_numbers() -> None:
    check_memory(NEEDED_BYTES)
    with pytest.raises(OSError, match=r"3\.0 GB of free memory are needed, 1\.4 GB are free: close something"):
        check_memory(1_400_000_000)


def test_a_file_that_is_not_there_is_said_with_its_option_and_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_bytes(b"customer,gender,merchant,category,amount\n")
    for files, said in (
        ((Path("my.csv"), None), "--source my.csv cannot be read: No such file or directory"),
        ((Path("mine.csv"), Path("weights.csv")), "--importance weights.csv cannot be read: No such file or directory"),
        ((tmp_path, None), f"--source {tmp_path} cannot be read: Is a directory"),
    ):
        with pytest.raises(OSError, match=f"^{re.escape(said)}; it was looked for in {re.escape(str(tmp_path))}$"):
            check_files(*files)


def test_a_container_with_less_memory_than_its_machine_counts(tmp_path: Path) -> None:
    available = psutil.virtual_memory().available
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 100\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_memory(tmp_path) == 800
