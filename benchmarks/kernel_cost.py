"""Cost of the kernel on one core: advance the state by a chunk, evaluate the patterns, return the rows to append.

`python -m benchmarks.kernel_cost` prints a table in Markdown. As in the sample data, a chunk of 10,000 lines touches
6,000 pairs, 2 % of them new, and there are 50 merchants by default; ten times the lines touch ten times the pairs.
"""

import argparse
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA, ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, restore_state
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.schedule import Rules

_CHUNK_LINES = 10_000
_TOUCHED_PER_LINE, _NEW_OF_TOUCHED = 0.6, 0.02


@dataclass(frozen=True)
class Shape:
    """Pairs and merchants of a state, and lines per chunk."""

    pairs: int
    merchants: int
    lines: int = _CHUNK_LINES

    @property
    def touched(self) -> int:
        """Pairs that a chunk touches."""
        return int(self.lines * _TOUCHED_PER_LINE)

    @property
    def new(self) -> int:
        """Touched pairs that are not in the state yet."""
        return int(self.touched * _NEW_OF_TOUCHED)


_SHAPES = (
    Shape(60_000, 50),
    Shape(1_000_000, 50),
    Shape(10_000_000, 50),
    Shape(10_000_000, 1_000),
    Shape(1_000_000, 1),
    Shape(1_000_000, 20_000),
    Shape(10_000_000, 20_000),
    Shape(10_000_000, 100_000),
    Shape(60_000, 50, 100_000),
    Shape(1_000_000, 50, 100_000),
)


@dataclass(frozen=True)
class Cost:
    """The measurements of one shape.

    Attributes:
        restore: seconds to restore the state from the rows of `state/pairs`.
        bytes_per_pair: growth of the process's memory, per pair.
        seconds: of each chunk, in order.
    """

    shape: Shape
    restore: float
    bytes_per_pair: float
    seconds: list[float]

    @property
    def updates(self) -> float:
        """Pair updates per second, over all chunks."""
        return self.shape.touched * len(self.seconds) / sum(self.seconds)


def measure(shape: Shape, chunks: int) -> Cost:
    """Measure `chunks` chunks of a shape."""
    random = np.random.default_rng(7)
    rows = state_rows(shape.pairs, shape.merchants, random)
    before = _resident_bytes()
    began = time.perf_counter()
    state = restore_state(rows)
    restore = time.perf_counter() - began
    rules = Rules(BUILT_IN, every_chunk=False)
    detector = Detector(state, Reported(), rules, lambda: datetime.now(UTC))
    seconds = []
    for chunk in chunks_of(shape, chunks, random):
        began = time.perf_counter()
        detector.advance([chunk])
        seconds.append(time.perf_counter() - began)
    # `rows` must live until here: it is in `before`, too.
    added = _resident_bytes() - before
    del rows
    return Cost(shape, restore, added / len(state), seconds)


def state_rows(pairs: int, merchants: int, random: np.random.Generator) -> pa.Table:
    """Return the rows of `state/pairs` for `pairs` pairs, spread evenly over `merchants` merchants."""
    count = random.geometric(0.1, pairs)
    columns = {
        "merchant": merchant_names(np.arange(pairs) % merchants),
        "customer": customer_names(np.arange(pairs) // merchants),
        "gender": pa.array(np.array(["F", "M"])[random.integers(0, 2, pairs)]),
        "transactions": count,
        "amount_paise": count * random.integers(100, 10_000, pairs),
        "weight_units": count * random.integers(1, 1_000_000, pairs),
        "weighted_transactions": count,
        "line": np.full(pairs, _CHUNK_LINES),
    }
    values = {name: columns.get(name, pa.nulls(pairs, kind)) for name, kind in zip(*_named(PAIRS_SCHEMA), strict=True)}
    return pa.table(values, schema=PAIRS_SCHEMA)


def chunks_of(shape: Shape, chunks: int, random: np.random.Generator) -> Iterator[ChunkSums]:
    """Yield chunks whose pairs are in the state, but for the new ones, in an order of their own."""
    for number in range(chunks):
        old = _distinct(shape.pairs, shape.touched - shape.new, random)
        new = np.arange(shape.new) + shape.pairs + number * shape.new
        touched = random.permutation(np.append(old, new))
        count = random.geometric(0.6, len(touched))
        columns = {
            "merchant": merchant_names(touched % shape.merchants),
            "customer": customer_names(touched // shape.merchants),
            "category": pa.array(["es_food"] * len(touched)),
            "transactions": count,
            "amount_paise": count * random.integers(100, 10_000, len(touched)),
            "weight_units": count * random.integers(1, 1_000_000, len(touched)),
            "weighted_transactions": count,
            "first_line": (number + 1) * shape.lines + np.arange(len(touched)),
            "gender": pa.array(np.array(["F", "M"])[random.integers(0, 2, len(touched))]),
        }
        yield ChunkSums((number + 2) * shape.lines, pa.table(columns, schema=SUMS_SCHEMA))


def _distinct(pairs: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Return `count` distinct pairs, without permuting all of a large number of pairs."""
    if pairs <= 2 * count:
        return random.choice(pairs, count, replace=False)
    return random.permutation(np.unique(random.integers(0, pairs, 2 * count)))[:count]


def merchant_names(numbers: np.ndarray) -> pa.Array:
    """Return the names of merchants by their numbers."""
    names = pa.array([f"M{number:09d}" for number in range(int(numbers.max()) + 1)])
    return names.take(pa.array(numbers))


def customer_names(numbers: np.ndarray) -> pa.Array:
    """Return scattered names like those of the sample data: `C` and ten digits."""
    scattered = numbers.astype(np.uint64) * np.uint64(1_234_567_891) % np.uint64(9_999_999_967)
    digits = (scattered[:, None] // 10 ** np.arange(9, -1, -1, dtype=np.uint64) % np.uint64(10)).astype(np.uint8)
    text = np.empty((len(numbers), 11), np.uint8)
    text[:, 0] = ord("C")
    text[:, 1:] = digits + ord("0")
    offsets = np.arange(0, 11 * len(numbers) + 1, 11, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def _named(schema: pa.Schema) -> tuple[list[str], list[pa.DataType]]:
    return schema.names, schema.types


def _resident_bytes() -> int:
    # Arrow keeps freed memory for its next buffers; do not count it.
    pa.default_memory_pool().release_unused()
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - not a file
        return int(statm.read().split()[1]) * resource.getpagesize()


def main(arguments: Sequence[str] | None = None) -> list[Cost]:
    """Measure all shapes; print and return the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--merchants", type=int, default=50)
    parser.add_argument("--lines", type=int, default=_CHUNK_LINES, help="per chunk (%(default)s)")
    options = parser.parse_args(arguments)
    shapes = [Shape(options.pairs, options.merchants, options.lines)] if options.pairs else _SHAPES
    print(
        "| pairs | merchants | pairs per chunk | updates/s | ms: mean | median | p99 | max | bytes per pair | restore |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    costs = []
    for shape in shapes:
        cost = measure(shape, options.chunks)
        costs.append(cost)
        ms = np.array(cost.seconds) * 1000
        print(
            f"| {shape.pairs:,} | {shape.merchants:,} | {shape.touched:,} | {cost.updates:,.0f}"
            f" | {ms.mean():.2f} | {np.median(ms):.2f} | {np.percentile(ms, 99):.2f} | {ms.max():.2f}"
            f" | {cost.bytes_per_pair:.0f} | {cost.restore:.2f} s |",
            flush=True,
        )
    return costs


if __name__ == "__main__":
    main()
