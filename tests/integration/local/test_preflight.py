import re
import stat
from pathlib import Path

import psutil
import pytest

from local.preflight import NEEDED_BYTES, check_files, check_memory, claim_directory, free_memory


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


def test_the_directory_of_a_run_is_new_or_of_an_earlier_run_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    for name, earlier in (("new", ()), ("of-1.0", ("sample-10-7",)), ("run-by-1.0", ("databricks", "lake", "logs"))):
        directory = tmp_path / name
        for folder in earlier:
            (directory / folder).mkdir(parents=True)
        if "databricks" in earlier:
            (directory / "databricks" / "databricks.db").touch()
        claim_directory(directory)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        (directory / "lake").mkdir(exist_ok=True)
        claim_directory(directory)


def test_a_directory_with_the_files_of_others_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    before = tmp_path.stat().st_mode
    message = f"--directory {tmp_path} has other files: give a new one, as a run replaces what is in its directory"
    with pytest.raises(OSError, match=re.escape(message)):
        claim_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]
    assert tmp_path.stat().st_mode == before
