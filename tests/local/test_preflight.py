from pathlib import Path

import psutil
import pytest

from local.preflight import NEEDED_BYTES, check_memory, free_memory


def test_too_little_memory_is_said_with_both_numbers() -> None:
    check_memory(NEEDED_BYTES)
    with pytest.raises(OSError, match=r"3\.0 GB of free memory are needed, 1\.4 GB are free: close something"):
        check_memory(1_400_000_000)


def test_a_container_with_less_memory_than_its_machine_counts(tmp_path: Path) -> None:
    available = psutil.virtual_memory().available
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.current").write_text("300\n")
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 100\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > available / 2
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_memory(tmp_path) == 800
