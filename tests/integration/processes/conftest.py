"""Sample data of 60 chunks, landed once, and an undisturbed run to compare with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.s3 import LocalS3
from local.sample_data import write_sample
from tests.harness.pipeline import BUCKET, Pipeline, warm_spark
from tests.harness.warm import WarmProcess

ROWS, CHUNK = 60_000, 1000


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, ROWS, seed=3)
    return directory


@pytest.fixture(scope="session")
def spark(s3: LocalS3) -> Iterator[WarmProcess]:
    with warm_spark(s3) as warm:
        yield warm


@pytest.fixture(scope="session")
def undisturbed(s3: LocalS3, spark: WarmProcess, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    pipeline = Pipeline(s3, "undisturbed", tmp_path_factory.mktemp("undisturbed"))
    source = pipeline.upload("t.csv", sample / "transactions.csv")
    importance = pipeline.upload("i.csv", sample / "CustomerImportance.csv")
    chunker = pipeline.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "60")
    assert chunker.wait() == 0
    # Micro-batches end at lines 20,000 and 40,000, so a replay can begin there.
    code = pipeline.detect(spark, "--importance", importance, "--available-now", "--max-chunks", "20")
    assert code == 0, pipeline.output()
    return pipeline


@pytest.fixture
def empty(undisturbed: Pipeline, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """An empty lake."""
    return Pipeline(undisturbed.s3, request.node.name.replace("[", "-").strip("]"), tmp_path)


@pytest.fixture
def landed(undisturbed: Pipeline, empty: Pipeline) -> Callable[[], Pipeline]:
    """A function that copies the 60 chunks to the empty lake and returns it."""

    def land() -> Pipeline:
        for key in [*undisturbed.keys("landing_zone/"), "undisturbed/offset.csv"]:
            target = key.replace("undisturbed", empty.name, 1)
            undisturbed.s3.client().copy({"Bucket": BUCKET, "Key": key}, BUCKET, target)
        return empty

    return land


@pytest.fixture(scope="session")
def importance(undisturbed: Pipeline) -> str:
    return f"s3://{BUCKET}/{undisturbed.name}-i.csv"
