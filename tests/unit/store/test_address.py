"""An accepted address names the same place to every client; all others are refused with the reason."""

from pathlib import Path

import pyarrow as pa
import pytest

from local.s3 import LocalS3
from spark_jobs.chunker.cli import main as chunker
from spark_jobs.errors import PermanentError
from spark_jobs.lake.layout import chunk_path
from spark_jobs.maintenance.cli import main as maintain_state
from spark_jobs.store.address import Address, parse_address, parse_object_address
from spark_jobs.store.new_table import NewTable, open_or_create_table
from spark_jobs.store.objects import open_object, open_objects
from tests.harness.pipeline import BUCKET
from tests.unit.chunker_job import HEADER, good_line

SCHEMA = pa.schema([("line", pa.int64())])
SECRET = "canary0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("s3://bucket", Address("s3", "bucket", ""), "s3://bucket"),
        ("s3://bucket/", Address("s3", "bucket", ""), "s3://bucket"),
        ("s3://bucket/a/b/", Address("s3", "bucket", "a/b"), "s3://bucket/a/b"),
        ("file:///a/b c", Address("file", "", "a/b c"), "file:///a/b c"),
    ],
)
def test_a_folder_is_parsed(text: str, address: Address, url: str) -> None:
    assert parse_address(text) == address
    assert address.url == url


def test_keys_in_a_whole_bucket_have_no_slash_in_front() -> None:
    assert parse_address("s3://bucket").key("offset.csv") == "offset.csv"
    assert parse_address("s3://bucket/lake").key("offset.csv") == "lake/offset.csv"


def test_an_object_is_parsed_into_its_folder_and_name() -> None:
    assert parse_object_address("s3://bucket/t.csv") == (Address("s3", "bucket", ""), "t.csv")
    assert parse_object_address("file:///data/t.csv") == (Address("file", "", "data"), "t.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://bucket/runs#1", "cannot contain '#'"),
        ("s3://bucket/runs?x=1", "cannot contain '?'"),
        ("s3://bucket/a%20b", "cannot contain '%'"),
        ("s3://bucket/a[1]", "cannot contain '['"),
        ("s3://bucket/a\\b", r"cannot contain '\\'"),
        ("s3://bucket/a\nb", r"cannot contain '\n'"),
        ("s3://bucket//x", "has an empty folder name ('//')"),
        ("file:///a//x", "has an empty folder name ('//')"),
        ("file:///a/../x", "has the folder name '..'"),
        ("file://host/a", "names the host 'host'"),
        ("file:///", "does not name a directory"),
        ("s3:///a", "does not name a bucket"),
        ("s3://bucket:9000/a", "does not name a bucket"),
        ("/data/lake", "is not an address of a store"),
        ("https://bucket.s3.amazonaws.com/lake", "is not an address of a store"),
    ],
)
def test_an_ambiguous_address_is_refused_with_the_reason(text: str, said: str) -> None:
    for parse in (parse_address, parse_object_address):
        with pytest.raises(PermanentError) as refused:
            parse(text)
        assert said in str(refused.value)


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/folder/", "file:///t.csv"])
def test_an_object_needs_a_folder_and_a_name(text: str) -> None:
    with pytest.raises(PermanentError, match="does not name an object"):
        parse_object_address(text)


@pytest.mark.parametrize("opened", [open_objects, open_object])
def test_credentials_in_an_address_are_refused_and_not_repeated(opened: type) -> None:
    with pytest.raises(PermanentError, match=r"s3://bucket.*cannot contain credentials; set the AWS_\*") as refused:
        opened(f"s3://AKIAEXAMPLE:{SECRET}@bucket/lake")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["a b", "ä漢", "a+b&c=d,e@f:g;h", "(a)!'$*~`{b}"])
@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_every_client_finds_the_same_place(
    scheme: str, name: str, s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in s3.environment.items():
        monkeypatch.setenv(variable, value)
    root = f"s3://{BUCKET}/{tmp_path.name}" if scheme == "s3" else f"file://{tmp_path}"
    lake = open_objects(f"{root}/{name}")
    lake.write("offset.csv", b"-")
    open_or_create_table(lake.place("state/pairs"), "writer", NewTable(SCHEMA)).append(
        pa.table({"line": [1]}, SCHEMA), 1
    )
    log = [path for path in lake.list_after("state", "") if path.endswith(".json")]
    assert len(log) == 2
    stored = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    if scheme == "s3":
        found = s3.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{tmp_path.name}/")["Contents"]
        stored = {entry["Key"].split("/")[1] for entry in found}
    assert stored == {name}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_lake_may_be_a_whole_bucket(slash: str, s3: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in s3.environment.items():
        monkeypatch.setenv(variable, value)
    bucket = "whole-lake" + ("-slash" if slash else "")
    s3.client().create_bucket(Bucket=bucket)
    s3.client().put_object(Bucket=BUCKET, Key=f"{bucket}.csv", Body=HEADER + good_line(0))
    url = f"s3://{bucket}{slash}"
    assert chunker(["--source", f"s3://{BUCKET}/{bucket}.csv", "--lake", url]) == 0
    lake = open_objects(url)
    open_or_create_table(lake.place("state/pairs"), "writer", NewTable(SCHEMA))
    keys = {entry["Key"] for entry in s3.client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {"offset.csv", chunk_path(0), "state/pairs/_delta_log/00000000000000000000.json"}
    assert list(lake.list_after("landing_zone", "")) == [chunk_path(0)]


@pytest.mark.parametrize(
    "lake", ["file://{root}/lake#1", "file://{root}/lake?1", "file://{root}//lake", "file://host{root}"]
)
def test_no_job_touches_anything_for_a_refused_lake(lake: str, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "offset.csv").write_text("-")
    url = lake.format(root=tmp_path)
    for job, arguments in ((maintain_state, []), (chunker, ["--source", f"file://{tmp_path}/t.csv"])):
        with pytest.raises(SystemExit) as stopped:
            job([*arguments, "--lake", url])
        assert stopped.value.code == 70
        assert url in str(stopped.value.__cause__)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["lake", "lake/offset.csv"]


def test_a_lake_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stopped:
        maintain_state(["--lake", f"file://{tmp_path}/file/lake"])
    assert stopped.value.code == 70
    assert "cannot create the directory" in str(stopped.value.__cause__)
