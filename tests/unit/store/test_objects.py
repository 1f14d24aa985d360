"""Objects in a local directory behave like those in S3."""

from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore

from spark_jobs.store.objects import open_objects


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
