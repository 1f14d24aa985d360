"""Objects in a local directory and in S3 are listed alike."""

from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore

from local.s3 import LocalS3
from spark_jobs.store import objects
from spark_jobs.store.objects import open_objects
from tests.harness.pipeline import BUCKET


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a/10", "a/2", "a/b/1", "a/c", "ab/1", "b/1"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_directory_is_listed_in_order_after_any_name(root: Path) -> None:
    lake = open_objects(root.as_uri())
    assert list(lake.list_after("a", "")) == ["a/10", "a/2", "a/b/1", "a/c"]
    assert list(lake.list_after("a", "a/2")) == ["a/b/1", "a/c"]
    assert list(lake.list_after("nothing", "")) == []


def test_a_directory_is_listed_like_obstore_without_temporary_files(root: Path) -> None:
    (root / "a" / "3#1").touch()
    by_client = [meta for page in obstore.list(LocalStore(root), "a/") for meta in page]
    found = {listed.path: listed.modified_at.timestamp() for listed in open_objects(root.as_uri()).list_objects("a")}
    assert found == pytest.approx({meta["path"]: meta["last_modified"].timestamp() for meta in by_client})


def test_a_file_deleted_during_a_listing_is_omitted(root: Path) -> None:
    listing = open_objects(root.as_uri()).list_after("a", "")
    assert next(listing) == "a/10"
    (root / "a" / "2").unlink()
    assert list(listing) == ["a/b/1", "a/c"]


@pytest.mark.parametrize("count", [0, 3, 4, 5])
def test_s3_is_listed_page_by_page(count: int, s3: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in s3.environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(objects, "_PAGE", 2)
    folder = open_objects(f"s3://{BUCKET}/pages-{count}")
    paths = [f"a/{number}" for number in range(count)]
    for path in paths:
        folder.write(path, b"-")
    assert list(folder.list_after("a", "")) == paths
    assert list(folder.list_after("a", "a/1")) == paths[2:]
