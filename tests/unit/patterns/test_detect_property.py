"""For any data, chunks, micro-batches and restarts, the detector finds what the reference implementation finds."""

import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, restore_state
from spark_jobs.lake.chunk_csv import read_columns, verify_lines
from spark_jobs.lake.importance import Importance, parse_importance, weigher
from spark_jobs.patterns import evaluate, partition
from spark_jobs.patterns.detect import Detector, Outcome, Reported
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, Detection, detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.partition import PARTITION_SCHEMA, PartitionTask, advance_partition, number_detections, sums_of
from spark_jobs.patterns.rules import RuleSet, Status
from spark_jobs.patterns.schedule import Adoption, Rules
from spark_jobs.store.delta import with_columns
from tests.harness import reference
from tests.harness.reference import ImportanceRow, Transaction
from tests.unit.patterns.rule_sets import rule_sets

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = ["continue", "restart", "nothing", "shadow", "detections"]
CUSTOMERS, MERCHANTS, CATEGORIES = ["C1", "C2", "C3", "C4", "C5"], ["M1", "M2"], ["food", "travel"]

amounts = st.integers(0, 40_000).map(lambda thousandths: f"{thousandths / 1000:.3f}")
weights = st.one_of(st.just(""), st.just("?"), st.integers(-999, 999).map(lambda n: f"{n / 100_000:.5f}"))
important_rows = st.builds(
    ImportanceRow,
    st.sampled_from(CUSTOMERS),
    st.sampled_from(MERCHANTS),
    st.sampled_from(CATEGORIES),
    st.integers(-300, 300).map(lambda n: f"{n / 100_000:.5f}"),
)


@dataclass(frozen=True)
class Case:
    """One run: lines (None is quarantined), chunks, micro-batches in chunks, and the events before and after each.

    Before a micro-batch a version of the rules may have been published. After it the detector continues, is restarted,
    or was killed before its commit to pairs: then nothing is committed, or shadow rows alone, or detections too.
    """

    lines: list[Transaction | None]
    chunk_ends: list[int]
    batch_sizes: list[int]
    then: list[str]
    importance: list[ImportanceRow] | None
    rules: RuleSet
    published: list[RuleSet | None]
    every_chunk: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    transaction = st.builds(
        Transaction,
        st.sampled_from(CUSTOMERS),
        st.sampled_from(["F", "M", "E", "U"]),
        st.sampled_from(MERCHANTS),
        st.sampled_from(CATEGORIES),
        amounts,
        weights if draw(st.booleans()) else st.none(),
    )
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    count = sum(sizes)
    return Case(
        draw(st.lists(st.one_of(transaction, transaction, st.none()), min_size=count, max_size=count)),
        list(accumulate(sizes)),
        draw(st.lists(st.integers(1, 3), min_size=len(sizes), max_size=len(sizes))),
        draw(
            st.lists(
                st.sampled_from(EVENTS),
                min_size=len(sizes),
                max_size=len(sizes),
            )
        ),
        draw(st.one_of(st.none(), st.lists(important_rows, min_size=1, max_size=12))),
        draw(rule_sets()),
        draw(st.lists(st.one_of(st.none(), rule_sets()), min_size=len(sizes), max_size=len(sizes))),
        draw(st.booleans()),
    )


class Driver:
    """The state in memory; a restart reads the rows of `state/pairs`."""

    def __init__(self, rows: pa.Table, reported: Reported, rules: Rules, importance: Importance | None) -> None:
        self._detector = Detector(restore_state(rows), reported, rules, lambda: NOW, weigher(importance))

    def adopt(self, adoption: Adoption) -> None:
        self._detector.adopt(adoption)

    def advance(self, chunks: list[ChunkSums]) -> Outcome:
        return self._detector.advance(chunks)


class Partitioned:
    """The state in the rows of `state/pairs` alone, with three partitions per batch, pickled as for executors.

    Every other micro-batch returns all pairs, which then replace the rows of their merchants.
    """

    def __init__(self, rows: pa.Table, reported: Reported, rules: Rules, importance: Importance | None) -> None:
        self._rows, self._reported, self._rules, self._importance = rows, reported, rules, importance
        self._batches = 0

    def adopt(self, adoption: Adoption) -> None:
        self._rules = self._rules.with_adoption(adoption)

    def advance(self, chunks: list[ChunkSums]) -> Outcome:
        self._batches += 1
        line = max(chunk.end for chunk in chunks)
        task = PartitionTask(line, self._reported, self._rules, 0, 0, self._batches % 2 == 0, NOW)
        sums = pa.concat_tables([sums_of(chunk) for chunk in chunks])
        touched = self._rows.filter(pc.is_in(self._rows.column("merchant"), pc.unique(sums.column("merchant"))))
        rows = pa.concat_tables([with_columns(touched, PARTITION_SCHEMA), sums])
        numbers = np.array([zlib.crc32(name.encode()) % 3 for name in rows.column("merchant").to_pylist()])
        found: dict[str, list[pa.Table]] = {
            name: [] for name in (partition.PAIRS, partition.MERCHANTS, partition.DETECTIONS, partition.SHADOW)
        }
        for number in range(3):
            part = rows.filter(pa.array(numbers == number))
            if part.num_rows:
                sent, importance = pickle.loads(pickle.dumps((task, self._importance)))
                outcome = advance_partition(part, sent, weigher(importance))
                for name, tables in found.items():
                    tables.append(outcome[name])
        pairs, merchants = (
            pa.concat_tables([schema.empty_table(), *found[name]])
            for name, schema in ((partition.PAIRS, PAIRS_SCHEMA), (partition.MERCHANTS, MERCHANTS_SCHEMA))
        )
        detections, shadow = (
            number_detections(pa.concat_tables([DETECTIONS_SCHEMA.empty_table(), *tables]), next_seq, lambda: NOW)
            for tables, next_seq in (
                (found[partition.DETECTIONS], self._reported.next_seq),
                ([with_columns(table, DETECTIONS_SCHEMA) for table in found[partition.SHADOW]], 0),
            )
        )
        if task.every_pair:
            written = pc.is_in(self._rows.column("merchant"), pc.unique(pairs.column("merchant")))
            self._rows = self._rows.filter(pc.invert(written))
        self._rows = pa.concat_tables([self._rows, pairs])
        self._reported = replace(self._reported, next_seq=self._reported.next_seq + len(detections))
        return Outcome(line, detections, merchants, pairs, shadow)


@pytest.fixture(autouse=True)
def _few_customers_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    # From the third customer on, percentiles use bands instead of sorting.
    monkeypatch.setattr(evaluate, "_FEW_CUSTOMERS", 2)


@dataclass(frozen=True)
class Ran:
    """What a run has committed, with the rules that it has adopted."""

    outcomes: list[Outcome]
    shadow: list[Detection]
    rules: Rules


@pytest.mark.parametrize("backend", [Driver, Partitioned])
@given(case=cases())
def test_detections_equal_those_recomputed_from_all_rows(backend: type[Driver] | type[Partitioned], case: Case) -> None:
    ran = run(case, backend)

    found = [detection for outcome in ran.outcomes for detection in outcome.detections]
    assert [seen(d) for d in found] == reference.detections(case.lines, case.chunk_ends, ran.rules, case.importance)
    assert [d.seq for d in found] == list(range(len(found)))
    expected = reference.detections(case.lines, case.chunk_ends, ran.rules, case.importance, Status.SHADOW)
    assert [seen(d) for d in ran.shadow] == expected


def seen(d: Detection) -> reference.Found:
    return d.line, d.pattern_id, d.action, d.merchant, d.customer, d.evidence, d.thresholds, d.rules_version  # type: ignore[return-value]


@given(cases())
def test_merchant_rows_are_those_recomputed_whatever_the_rules(case: Case) -> None:
    for outcome in run(case).outcomes:
        for row in outcome.merchants.to_pylist():
            history = [transaction for transaction in case.lines[: row["line"]] if transaction]
            expected = reference.merchant_row(history, row["merchant"], case.importance)
            names = ("transactions", "customers", "female_customers", "male_customers")
            percentiles = ("transactions_percentile", "weight_percentile")
            assert tuple(row[name] for name in (*names, *percentiles)) == expected


def run(case: Case, backend: type[Driver] | type[Partitioned] = Driver) -> Ran:
    """Feed the detector batch by batch; return what is in the tables at the end."""
    importance = parse_importance(importance_csv(case.importance), "i.csv") if case.importance is not None else None
    rules = Rules(case.rules, case.every_chunk)
    detector = backend(PAIRS_SCHEMA.empty_table(), Reported(), rules, importance)
    rows = [PAIRS_SCHEMA.empty_table()]
    outcomes: list[Outcome] = []
    shadow: list[Detection] = []
    through = 0
    todo = list(zip([0, *case.chunk_ends], case.chunk_ends, strict=False))
    steps = zip(case.batch_sizes, case.then, case.published, strict=True)
    for size, then, published in [*steps, (len(todo), "continue", None)]:
        batch, todo = todo[:size], todo[size:]
        if not batch:
            break
        if published:
            adoption = Adoption(rules.newest.version + 1, max(batch[0][0], through), published)
            rules = rules.with_adoption(adoption)
            detector.adopt(adoption)
        outcome = detector.advance(chunks_of(case.lines, batch))
        if then != "nothing":
            last = shadow[-1].line if shadow else 0
            shadow += [d for d in outcome.shadow if d.line > last]
        if then not in ("nothing", "shadow"):
            outcomes.append(outcome)
        if then in ("nothing", "shadow", "detections"):
            todo = batch + todo
        else:
            rows.append(outcome.pairs)
        if then != "continue":
            found = [detection for outcome in outcomes for detection in outcome.detections]
            beyond = detection_rows([d for d in found if d.line > todo[0][0]]) if todo else None
            # A commit without rows leaves no trace.
            detected = max([*(d.line for d in found), todo[0][0] if todo else 0])
            through = max([detected, *(d.line for d in shadow)])
            detector = backend(pa.concat_tables(rows), Reported(len(found), detected, beyond), rules, importance)
    return Ran(outcomes, shadow, rules)


def chunks_of(lines: Sequence[Transaction | None], extents: Sequence[tuple[int, int]]) -> list[ChunkSums]:
    """Return the sums of chunks as Spark delivers them: packed, in any order."""
    chunks = []
    for first, end in reversed(extents):
        data = chunk_csv(lines[first:end], first)
        chunk = read_columns(data, CHUNK_COLUMNS, "chunk")
        verify_lines(chunk, first, end, "chunk")
        chunks.append(ChunkSums.unpack(end, sum_chunk(chunk, end).packed()))
    return chunks


def chunk_csv(lines: Sequence[Transaction | None], first: int) -> bytes:
    has_weight = any(line and line.weight is not None for line in lines)
    header = "line,customer,gender,merchant,category,amount" + (",weight" if has_weight else "")
    rows = [header]
    for number, t in enumerate(lines, first):
        values = [t.customer, t.gender, t.merchant, t.category, t.amount] if t else [""] * 5
        rows.append(",".join([str(number), *values, *([(t and t.weight) or ""] if has_weight else [])]))
    return ("\n".join(rows) + "\n").encode()


def importance_csv(rows: Sequence[ImportanceRow]) -> bytes:
    lines = [f"'{row.customer}','{row.merchant}',{row.weight},'{row.category}',0" for row in rows]
    return "\n".join(["Source,Target,Weight,typeTrans,fraud", *lines, ""]).encode()
