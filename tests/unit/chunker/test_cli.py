import json
from pathlib import Path

import pytest

from spark_jobs.chunker.cli import main
from tests.unit.chunker_job import HEADER, good_line


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--source", (folder / "t.csv").as_uri(), "--lake", (folder / "lake").as_uri(), "--chunk-size", "2", *more]


def test_summary_and_exit_code_distinguish_done_from_nothing_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [good_line(0), b"bad\n", *(good_line(number) for number in range(2, 7))]
    (tmp_path / "t.csv").write_bytes(HEADER + b"".join(lines))

    assert main(arguments(tmp_path, "--max-chunks", "3")) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "outcome": "done",
        "chunks": 3,
        "lines_read": 6,
        "lines_landed": 5,
        "lines_quarantined": 1,
        "chunks_without_gender": 0,
        "landed_line": 6,
    }
    assert main(arguments(tmp_path)) == 0
    assert main(arguments(tmp_path)) == 10
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["landed_line"] == 7


@pytest.mark.parametrize(
    ("content", "code", "said"), [(None, 75, "does not exist"), (b"a,b\n", 70, "no column customer")]
)
def test_exit_codes_distinguish_retryable_from_permanent_failures(
    content: bytes | None, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        main(arguments(tmp_path))
    assert stopped.value.code == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        ["--chunk-size", "0"],
        ["--landing-format", "x"],
        ["--max-chunks", "many"],
        ["--follow-seconds", "-1"],
        ["--interval-seconds", "0"],
    ],
)
def test_a_wrong_command_line_exits_with_2(more: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments(tmp_path, *more))
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ftp://host/file.csv", "ftp://host/file.csv is not an address of a store"),
        ("file.csv", "file.csv is not an address of a store"),
    ],
)
def test_an_unusable_address_is_named(source: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--source", source, "--lake", "memory://"])
    assert stopped.value.code == 70
    assert said in capsys.readouterr().err
