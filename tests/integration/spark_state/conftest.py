"""A Spark session that can write Delta tables, and the state backend `spark` on lakes in local directories."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from local.jars import delta_jars
from spark_jobs.detector.backend import BackendStart, Committed, DriverBackend
from spark_jobs.detector.spark_backend import SparkBackend
from spark_jobs.engine.session import open_session
from spark_jobs.engine.spark_table import SparkTable
from spark_jobs.errors import StorageError
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import all_pair_rows
from spark_jobs.lake import layout
from spark_jobs.lake.importance import Importance
from spark_jobs.lake.lease import Lease
from spark_jobs.lake.rules import RecordedAdoption
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.store.objects import Objects, open_objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOG = logging.getLogger("detector")
# Always held: the lease has tests of its own.
HELD = cast("Lease", SimpleNamespace(verify=lambda: None))


def submit_arguments() -> str:
    """Return the arguments of a local Spark with Delta; compiling like a server takes longer than the tests."""
    options = "--driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'"
    return f"--master local[2] --driver-memory 1g {options} --jars {','.join(map(str, delta_jars()))} pyspark-shell"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", submit_arguments())
        session = open_session("file:///")
    yield session
    session.stop()


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


class OnSpark:
    """The backend `spark` of a detector that starts from a lake's state."""

    def __init__(self, spark: SparkSession, lake: Objects, rules: Rules, importance: Importance | None = None) -> None:
        self._spark = spark
        self.tables = StateTables(lake, Writer.SPARK)
        self.loaded = self.tables.load(with_pairs=False)
        start = BackendStart(self.loaded.reported, rules, lambda: NOW, importance)
        self.backend = SparkBackend(spark, self.tables, HELD, start)

    def commit(self, chunks: Sequence[ChunkSums]) -> Committed:
        batch = self.backend.collect(frame_of(self._spark, chunks))
        assert batch
        return self.backend.commit(batch, {"importanceEtag": "e1"})

    def adopt(self, adoption: Adoption) -> None:
        recorded = RecordedAdoption(adoption.version, adoption.from_line, adoption.version)
        self.backend.adopt(recorded, adoption)


class OnDriver:
    """The backend `driver`, likewise."""

    def __init__(self, lake: Objects, rules: Rules) -> None:
        self.tables = StateTables(lake)
        self.loaded = self.tables.load()
        start = BackendStart(self.loaded.reported, rules, lambda: NOW)
        self.backend = DriverBackend(self.tables, self.loaded.pairs, start)

    def commit(self, chunks: Sequence[ChunkSums]) -> Committed:
        return self.backend.commit(chunks, {"importanceEtag": "e1"})


def frame_of(spark: SparkSession, chunks: Sequence[ChunkSums]) -> DataFrame:
    """Return chunks as the streaming source delivers them."""
    columns = {"chunk_end": [chunk.end for chunk in chunks], "sums": [chunk.packed() for chunk in chunks]}
    return spark.createDataFrame(pa.table(columns)).repartition(2)


@contextmanager
def killed_at(commit: Callable[[str, str], bool]) -> Iterator[None]:
    """Let the first commit fail for whose table and application a condition holds, and all later ones."""
    save = SparkTable._save
    dead: list[str] = []

    def failing(self: SparkTable, rows: DataFrame, how: Any, transaction: tuple[str, int], metadata: Any) -> None:
        if dead or commit(self.url.rpartition("/")[2], transaction[0]):
            dead.append(self.url)
            raise StorageError("killed")
        save(self, rows, how, transaction, metadata)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SparkTable, "_save", failing)
        with pytest.raises(StorageError, match="killed"):
            yield


def rows_of(lake: Objects, name: str) -> list[dict[str, object]]:
    """Return the rows of a table as `deltalake` reads them; none without a table."""
    url = lake.place(name)
    if not DeltaTable.is_deltatable(url):
        return []
    return list(DeltaTable(url).to_pyarrow_table().to_pylist(maps_as_pydicts="strict"))


def state_of(lake: Objects, writer: Writer) -> tuple[object, ...]:
    """Return the newest state of a lake: line, totals by pair, detections in order, and the history of merchants."""
    tables = StateTables(lake, writer)
    loaded = tables.load()
    pairs = loaded.pairs
    return (
        loaded.committed_line,
        sorted(map(str, all_pair_rows(pairs, 0).to_pylist())),
        tables.detections_from(0),
        loaded.detections,
        sorted(map(str, rows_of(lake, layout.MERCHANTS))),
        sorted(map(str, rows_of(lake, layout.SHADOW))),
    )
