"""A store that ignores the conditions of writes is refused at the start of a lake, before anything counts."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from spark_jobs.chunker.cli import main as chunker
from spark_jobs.errors import UnsuitableStoreError
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.layout import chunk_path
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.store.conditions import verify_conditional_writes
from spark_jobs.store.objects import Objects, open_objects
from tests.system.torture.s3 import FaultyS3, Stored, faulty_s3
from tests.unit.chunker_job import HEADER, good_line

BUCKET = "conditions"
URL = f"s3://{BUCKET}/lake"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with faulty_s3(BUCKET) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def run_chunker(landing_format: str = "csv") -> int:
    source = f"s3://{BUCKET}/transactions.csv"
    return chunker(["--source", source, "--lake", URL, "--landing-format", landing_format, "--chunk-size", "1"])


@pytest.mark.parametrize("header", ["if-none-match", "if-match"])
@pytest.mark.parametrize("landing_format", ["csv", "delta"])
def test_a_chunker_refuses_to_begin_a_lake(s3: FaultyS3, landing_format: str, header: str) -> None:
    s3.restore([Stored("transactions.csv", HEADER + good_line(0))])
    s3.ignored_headers = frozenset({header})
    for _ in range(2):
        with pytest.raises(SystemExit) as stopped:
            run_chunker(landing_format)
        assert stopped.value.code == 70
        assert f"{URL}/landing_zone/" in str(stopped.value.__cause__)
        assert "use Amazon S3, or a store that documents conditional writes" in str(stopped.value.__cause__)
    assert "lake/offset.csv" not in {stored.key for stored in s3.objects()}


@pytest.mark.parametrize(
    "begin",
    [StateTables, lambda lake: open_landing("delta", lake).create(0, pd.DataFrame({"line": [0]}))],
    ids=["detector", "Delta landing zone"],
)
@pytest.mark.parametrize(
    ("header", "condition"), [("if-none-match", "If-None-Match"), ("if-match", "If-Match")], ids=["create", "replace"]
)
def test_no_table_is_used(s3: FaultyS3, begin: Callable[[Objects], object], header: str, condition: str) -> None:
    s3.ignored_headers = frozenset({header})
    lake = open_objects(URL)
    with pytest.raises(UnsuitableStoreError, match=f"the store ignores the condition {condition} of a write"):
        begin(lake)
    # A start that was killed before it looked does not hide it.
    with pytest.raises(UnsuitableStoreError, match=condition):
        begin(lake)


def test_a_store_that_honours_conditions_is_left_as_it_was(s3: FaultyS3) -> None:
    s3.restore([Stored("lake/landing_zone/chunk", b"-")])
    lake = open_objects(URL)
    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(lambda _: verify_conditional_writes(lake, "landing_zone/chunk"), range(24)))
    assert s3.objects() == [Stored("lake/landing_zone/chunk", b"-")]


def test_only_the_first_chunk_and_empty_tables_are_looked_at(s3: FaultyS3) -> None:
    s3.restore([Stored("transactions.csv", HEADER + good_line(0) + good_line(1))])
    assert run_chunker() == 0
    s3.begin()
    assert run_chunker() == 0
    puts = [operation.key for operation in s3.operations if operation.method == "PUT"]
    assert puts == [f"lake/{chunk_path(1)}", "lake/offset.csv"]
