"""Commits of one writer, and races between two."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from spark_jobs.store import line_table as tables
from spark_jobs.store.line_table import CommitRaceLostError, LineTable
from spark_jobs.store.new_table import NewTable, open_or_create_table

SCHEMA = pa.schema([("line", pa.int64())])


def open_numbers(folder: Path) -> LineTable:
    return open_or_create_table(folder.as_uri(), "writer", NewTable(SCHEMA))


def append(table: LineTable, line: int) -> None:
    table.append(pa.table({"line": [line]}, schema=SCHEMA), line)


def test_the_line_is_cached(tmp_path: Path) -> None:
    table = open_numbers(tmp_path / "t")
    append(table, 7)
    # Reading it from the table would need the log.
    shutil.rmtree(tmp_path / "t" / "_delta_log")
    assert table.line == 7


def test_log_and_replaced_files_are_kept_for_a_day(tmp_path: Path) -> None:
    open_numbers(tmp_path / "t")
    log = (tmp_path / "t" / "_delta_log" / "00000000000000000000.json").read_text()
    entries = [json.loads(line) for line in log.splitlines()]
    configuration = next(entry["metaData"]["configuration"] for entry in entries if "metaData" in entry)
    assert configuration == {
        "delta.logRetentionDuration": "interval 1 days",
        "delta.deletedFileRetentionDuration": "interval 1 days",
    }


def test_a_writer_loses_to_another_of_the_same_application(tmp_path: Path) -> None:
    first, second = open_numbers(tmp_path / "t"), open_numbers(tmp_path / "t")
    append(first, 1)
    with pytest.raises(CommitRaceLostError, match="'writer'"):
        append(second, 1)
    assert second.line is None
    assert open_numbers(tmp_path / "t").handle.to_pyarrow_table().column("line").to_pylist() == [1]


def lose_answers(monkeypatch: pytest.MonkeyPatch, error: Exception, times: int = 1) -> None:
    """Let commits take effect, but report a failure to the writer."""
    answers = [error] * times

    def write(*arguments: Any, **named: Any) -> None:
        write_deltalake(*arguments, **named)
        if answers:
            raise answers.pop()

    monkeypatch.setattr(tables, "write_deltalake", write)


@pytest.mark.parametrize("error", [CommitFailedError("Concurrent transaction failed."), OSError("timed out")])
def test_a_writer_recognizes_its_own_commit_after_a_lost_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    table = open_numbers(tmp_path / "t")
    lose_answers(monkeypatch, error)
    append(table, 1)
    append(table, 2)
    table.overwrite(table.read(), 2)
    assert sorted(open_numbers(tmp_path / "t").read().column("line").to_pylist()) == [1, 2]
    assert table.line == 2


def test_a_writer_overtaken_after_a_lost_response_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_numbers(tmp_path / "t")

    def write(*arguments: Any, **named: Any) -> None:
        write_deltalake(*arguments, **named)
        monkeypatch.undo()
        append(open_numbers(tmp_path / "t"), 2)
        raise OSError("timed out")

    monkeypatch.setattr(tables, "write_deltalake", write)
    with pytest.raises(CommitRaceLostError):
        append(table, 1)
    assert sorted(open_numbers(tmp_path / "t").read().column("line").to_pylist()) == [1, 2]


def test_a_failed_commit_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_numbers(tmp_path / "t")

    def refuse(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise OSError("connection reset")

    monkeypatch.setattr(tables, "write_deltalake", refuse)
    append(table, 1)
    assert open_numbers(tmp_path / "t").read().column("line").to_pylist() == [1]
