"""The state backend `spark` finds and keeps what the backend `driver` does."""

import random
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from pyspark.sql import SparkSession

from benchmarks.kernel_cost import state_rows
from spark_jobs.errors import SecondDetectorError, StateError
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.lake import layout
from spark_jobs.lake.importance import parse_importance
from spark_jobs.lake.past_state import PastState, read_state_at
from spark_jobs.lake.rules import RecordedAdoption
from spark_jobs.lake.state_switch import switch_writer
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Outcome
from spark_jobs.patterns.detections import REPORTED_COLUMNS
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.rules import Status, parse_rules
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.store.objects import Objects, open_objects
from tests.harness import reference
from tests.integration.spark_state.conftest import LOG, OnDriver, OnSpark, killed_at, rows_of, state_of
from tests.unit.patterns.test_detect_property import Case, cases, chunks_of, importance_csv, seen
from tests.unit.patterns.test_rules import pattern

pytestmark = pytest.mark.processes

LINES = 40
# Tables whose commits are made before a kill, by the event of a case.
SPARED = {"nothing": (), "shadow": ("shadow",), "detections": ("shadow", "detections", "merchants")}
# Names that SQL could misread.
MERCHANTS = ["M1", "O'Neill", 'back\\slash"', "früh, (spät)"]
FIRST = Rules(built_in_rules({"child_transactions": 2}), every_chunk=False)
SECOND = parse_rules(
    "".join(
        (
            pattern(id='"PatId2"', when='["transactions >= 4"]'),
            pattern(id='"PatId9"', when='["transactions >= 3"]', status='"shadow"'),
        )
    ).encode(),
    "second",
)


def chunk(number: int) -> ChunkSums:
    """Return the sums of the chunk of lines `[number * LINES, …)`, as random as its number."""
    draw, first = random.Random(number), number * LINES
    values = {
        "line": list(range(first, first + LINES)),
        "customer": [f"C{draw.randrange(12)}" for _ in range(LINES)],
        "gender": [draw.choice("FM") for _ in range(LINES)],
        "merchant": [draw.choice(MERCHANTS) for _ in range(LINES)],
        "category": [draw.choice(["food", "travel"]) for _ in range(LINES)],
        "amount": [f"{draw.randrange(1, 4000) / 100:.2f}" for _ in range(LINES)],
    }
    schema = pa.schema([(name, CHUNK_COLUMNS[name]) for name in values])
    return sum_chunk(pa.table(values, schema=schema), first + LINES)


def expected(tmp_path: Path, chunks: int, adopted: Adoption | None = None) -> tuple[object, ...]:
    """Return what the driver's backend keeps of chunks, one per micro-batch."""
    lake = open_objects((tmp_path / "driver").as_uri())
    driver = OnDriver(lake, FIRST)
    for number in range(chunks):
        if adopted and number * LINES == adopted.from_line:
            driver.backend.adopt(RecordedAdoption(adopted.version, adopted.from_line, 1), adopted)
        driver.commit([chunk(number)])
    return state_of(lake, Writer.DELTALAKE)


def test_a_switch_and_a_kill_change_nothing(spark: SparkSession, lake: Objects, tmp_path: Path) -> None:
    OnDriver(lake, FIRST).commit([chunk(0)])
    switch_writer(lake, Writer.SPARK, LOG)
    with killed_at(lambda table, _: table == "pairs"):
        OnSpark(spark, lake, FIRST).commit([chunk(2), chunk(1)])
    restarted = OnSpark(spark, lake, FIRST)
    assert (restarted.loaded.committed_line, restarted.loaded.recorded_line) == (LINES, 3 * LINES)
    restarted.commit([chunk(1), chunk(2)])
    assert state_of(lake, Writer.SPARK) == expected(tmp_path, 3)


@pytest.mark.slow
def test_kills_rewrites_adoption_and_switches_change_nothing(
    spark: SparkSession, lake: Objects, tmp_path: Path
) -> None:
    adoption = Adoption(1, 4 * LINES, SECOND)
    with_second = FIRST.with_adoption(adoption)
    OnDriver(lake, FIRST).commit([chunk(0)])
    with pytest.raises(StateError, match=r"is written by deltalake.*--switch-state-backend spark"):
        OnSpark(spark, lake, FIRST)
    switch_writer(lake, Writer.SPARK, LOG)
    with pytest.raises(StateError, match=r"is written by spark.*--switch-state-backend driver"):
        OnDriver(lake, FIRST)

    detector = OnSpark(spark, lake, FIRST)
    detector.commit([chunk(2), chunk(1)])
    with killed_at(lambda table, _: table == "pairs"):
        detector.commit([chunk(3)])
    # With other thresholds: what was detected before the kill stays, and nothing is added.
    restarted = OnSpark(spark, lake, Rules(built_in_rules({"child_transactions": 99}), every_chunk=False))
    assert (restarted.loaded.committed_line, restarted.loaded.recorded_line) == (3 * LINES, 4 * LINES)
    restarted.commit([chunk(3)])

    restarted = OnSpark(spark, lake, FIRST)
    with killed_at(lambda _, application: application == "rules/000001"):
        restarted.adopt(adoption)
    restarted = OnSpark(spark, lake, FIRST)
    assert restarted.tables.adoptions() == [], "it was not recorded to the end"
    restarted.adopt(adoption)
    with killed_at(lambda table, _: table in ("merchants", "pairs")):
        restarted.commit([chunk(4), chunk(5)])
    restarted = OnSpark(spark, lake, with_second)
    assert [one.version for one in restarted.tables.adoptions()] == [1]
    rewritten = [restarted.commit([chunk(number)]).facts for number in (4, 5, 6, 7)]
    assert any(facts["pairs_written"] > facts["pairs_touched"] for facts in rewritten), "nothing was rewritten"
    assert restarted.backend.compact_if_due(8 * LINES, {}) is None

    switch_writer(lake, Writer.DELTALAKE, LOG)
    OnDriver(lake, with_second).commit([chunk(8)])
    assert state_of(lake, Writer.DELTALAKE) == expected(tmp_path, 9, adoption)


@pytest.mark.slow
def test_past_states_are_those_of_the_driver(spark: SparkSession, lake: Objects, tmp_path: Path) -> None:
    driver = open_objects((tmp_path / "driver").as_uri())
    on_driver, on_spark = OnDriver(driver, FIRST), OnSpark(spark, lake, FIRST)
    on_spark.backend._rewrite = True
    for number in range(3):
        on_driver.commit([chunk(number)])
        on_spark.commit([chunk(number)])
        on_spark.backend._rewrite = number == 1
    switch_writer(lake, Writer.DELTALAKE, LOG)
    OnDriver(lake, FIRST).commit([chunk(3)])
    on_driver.commit([chunk(3)])
    for line in range(LINES, 5 * LINES, LINES):
        found, reference = (read_state_at(one, line) for one in (lake, driver))
        assert type(found) is type(reference)
        if isinstance(found, PastState) and isinstance(reference, PastState):
            assert sorted(map(str, found.pairs.to_pylist())) == sorted(map(str, reference.pairs.to_pylist()))
            assert found.detections.num_rows == reference.detections.num_rows


@pytest.mark.slow
def test_a_second_detector_stops_and_changes_nothing(spark: SparkSession, lake: Objects) -> None:
    first = OnSpark(spark, lake, FIRST)
    second = OnSpark(spark, lake, FIRST)
    first.commit([chunk(0)])
    before = state_of(lake, Writer.SPARK)
    with pytest.raises(SecondDetectorError, match="a second detector runs on"):
        second.commit([chunk(0), chunk(1)])
    assert state_of(lake, Writer.SPARK) == before


@pytest.mark.slow
def test_tables_have_no_feature_that_deltalake_lacks(spark: SparkSession, lake: Objects) -> None:
    detector = OnSpark(spark, lake, FIRST)
    detector.commit([chunk(0)])
    for name in (layout.PAIRS, layout.MERCHANTS, layout.DETECTIONS):
        protocol = DeltaTable(lake.place(name)).protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)


@pytest.mark.slow
def test_delta_spark_reads_what_the_driver_writes(spark: SparkSession, lake: Objects) -> None:
    driver = OnDriver(lake, FIRST)
    for number in range(3):
        driver.commit([chunk(number)])
    rows = spark.read.format("delta").load(lake.place(layout.DETECTIONS))
    assert rows.count() == len(rows_of(lake, layout.DETECTIONS)) > 0
    assert rows.where("evidence['transactions >= 2'] < thresholds['transactions >= 2']").count() == 0


@pytest.mark.slow
def test_the_driver_holds_none_of_the_state(spark: SparkSession, lake: Objects) -> None:
    rows = state_rows(200_000, len(MERCHANTS), np.random.default_rng(7))
    names = pa.array(MERCHANTS).take(pa.array(np.arange(rows.num_rows) % len(MERCHANTS)))
    rows = rows.set_column(0, "merchant", names)
    StateTables(lake).commit(Outcome(LINES, [], MERCHANTS_SCHEMA.empty_table(), rows), {})
    switch_writer(lake, Writer.SPARK, LOG)
    detector = OnSpark(spark, lake, FIRST)
    before = pa.default_memory_pool().max_memory()
    tracemalloc.start()
    detector.backend._rewrite = True
    facts = detector.commit([chunk(1)]).facts
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert facts["pairs_written"] == facts["pairs"] > facts["state_rows"] == rows.num_rows
    assert max(peak, pa.default_memory_pool().max_memory() - before) < rows.nbytes / 4


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(case=cases())
def test_detections_equal_those_recomputed_from_all_rows(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    """Many more cases are run without Spark, see tests/unit/patterns."""
    lake = open_objects(tmp_path_factory.mktemp("case").as_uri())
    importance = parse_importance(importance_csv(case.importance), "i.csv") if case.importance is not None else None
    rules = Rules(case.rules, case.every_chunk)
    detector = OnSpark(spark, lake, rules, importance)
    todo = list(zip([0, *case.chunk_ends], case.chunk_ends, strict=False))
    steps = zip(case.batch_sizes, case.then, case.published, strict=True)
    for size, then, published in [*steps, (len(todo), "continue", None)]:
        batch, todo = todo[:size], todo[size:]
        if not batch:
            break
        if published:
            from_line = max(batch[0][0], detector.loaded.recorded_line)
            adoption = Adoption(rules.newest.version + 1, from_line, published)
            rules = rules.with_adoption(adoption)
            detector.adopt(adoption)
        chunks, spared = chunks_of(case.lines, batch), SPARED.get(then)
        if spared is None:
            detector.commit(chunks)
        else:
            with killed_at(lambda table, _: table not in spared):  # noqa: B023
                detector.commit(chunks)
            todo = batch + todo
        if then != "continue":
            detector = OnSpark(spark, lake, rules, importance)
    found = StateTables(lake, Writer.SPARK).detections_from(0)
    assert [seen(d) for d in found] == reference.detections(case.lines, case.chunk_ends, rules, case.importance)
    assert [d.seq for d in found] == list(range(len(found)))
    keys = [[row[name] for name in ("line", *REPORTED_COLUMNS)] for row in rows_of(lake, layout.SHADOW)]
    shadow = reference.detections(case.lines, case.chunk_ends, rules, case.importance, Status.SHADOW)
    assert sorted(map(repr, keys)) == sorted(repr([d[0], d[1], d[3], d[4]]) for d in shadow)
