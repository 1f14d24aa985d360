"""The secrets of the stack in containers are made once, whole, and for their owner alone."""

import stat
from dataclasses import fields
from pathlib import Path

import pytest

from local.containers.secret_files import Secrets, make_secrets, read_secrets


def test_each_is_made_once(tmp_path: Path) -> None:
    assert set(make_secrets(tmp_path)) == {field.name for field in fields(Secrets)}
    before = read_secrets(tmp_path)
    assert make_secrets(tmp_path) == []
    assert read_secrets(tmp_path) == before


def test_no_two_stacks_have_one_in_common(tmp_path: Path) -> None:
    values = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_secrets(tmp_path / name)
        values += [path.read_text() for path in (tmp_path / name).iterdir()]
    assert len(set(values)) == len(values)


def test_a_start_that_was_broken_off_is_made_up_for(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = read_secrets(tmp_path)
    (tmp_path / "airflow_jwt_secret").unlink()
    assert make_secrets(tmp_path) == ["airflow_jwt_secret"]
    assert read_secrets(tmp_path).postgres_password == before.postgres_password


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_they_are_not_shown_where_they_are_printed(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    secrets = read_secrets(tmp_path)
    assert secrets.airflow_password not in repr(secrets)


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="postgres_password"):
        read_secrets(tmp_path)
