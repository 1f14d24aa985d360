"""Where a smoke run may write, and what it deletes."""

from pathlib import Path

import pytest

from smoke.scratch import claim_lake
from smoke.workspace import SmokeError
from spark_jobs.store.objects import open_objects


@pytest.mark.parametrize(
    ("place", "deployed"),
    [
        ("s3://bucket/lake", "s3://bucket/lake"),
        ("s3://bucket/lake/smoke/1", "s3://bucket/lake"),
        ("s3://bucket/smoke", "s3://bucket/smoke/lake"),
        ("s3://bucket", "s3://bucket/lake"),
    ],
)
def test_a_place_that_is_not_apart_from_the_deployments_lake_is_refused(place: str, deployed: str) -> None:
    with pytest.raises(SmokeError, match=f"--lake {place} is not apart from the deployment's lake {deployed}"):
        claim_lake(place, deployed, {})


def test_a_whole_bucket_is_refused() -> None:
    with pytest.raises(SmokeError, match="is a whole bucket, and everything in it would be deleted"):
        claim_lake("s3://other", "s3://bucket/lake", {})


def test_a_place_that_is_not_empty_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "smoke" / "1"
    place.mkdir(parents=True)
    (place / "other").write_text("x")
    with pytest.raises(SmokeError, match=r"is not empty, it contains 1/other; choose an empty place"):
        claim_lake(place.as_uri(), (tmp_path / "lake").as_uri(), {})
    assert [path.name for path in place.iterdir()] == ["other"]


def test_a_place_is_claimed_once_and_deleted_without_its_neighbours(tmp_path: Path) -> None:
    deployed, place = (tmp_path / "lake").as_uri(), (tmp_path / "smoke" / "1").as_uri()
    neighbour = open_objects(f"{place}0")
    neighbour.write("kept.csv", b"x")
    lake = claim_lake(place, deployed, {"host": "https://example.org"})
    with pytest.raises(SmokeError, match="is not empty"):
        claim_lake(place, deployed, {})
    lake.upload("state/pairs/file.parquet", b"x")
    assert lake.delete() == 2
    assert [path.name for path in (tmp_path / "smoke").rglob("*") if path.is_file()] == ["kept.csv"]
