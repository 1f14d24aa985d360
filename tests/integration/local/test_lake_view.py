"""The copy of the lake stays in its folder, whatever the keys are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.bucket import BUCKET
from local.lake_view import LakeView, path_below
from local.s3 import LocalS3

_KEPT = ("lake/offset.csv", "lake/a", "lake/x/../y")
_OMITTED = ("lake/../../../pwned", "lake/../../pwned", "lake/folder/", "lake/a/below-a-file")


@pytest.fixture
def hostile(s3: LocalS3) -> Iterator[LocalS3]:
    for key in (*_KEPT, *_OMITTED):
        s3.client().put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    yield s3
    for key in (*_KEPT, *_OMITTED):
        s3.client().delete_object(Bucket=BUCKET, Key=key)


def test_no_object_is_copied_to_another_place(hostile: LocalS3, tmp_path: Path) -> None:
    directory = tmp_path / "a" / "run"
    directory.mkdir(parents=True)
    assert sorted(LakeView(hostile).copy(directory)) == sorted(_OMITTED)
    copied = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(copied) == ["a/run/lake/a", "a/run/lake/offset.csv", "a/run/lake/y"]


@pytest.mark.parametrize("key", ["/etc/passwd", "..", "lake/\0", "lake/../../run-other/x", "", "link/x"])
def test_a_key_outside_has_no_path(tmp_path: Path, key: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    assert path_below(tmp_path / "run", key) is None
