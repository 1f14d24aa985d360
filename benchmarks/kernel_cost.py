"""What the kernel costs on one core: advance the state by a chunk, evaluate the patterns, give back what is appended.

`python -m benchmarks.kernel_cost` prints a table in Markdown. A chunk touches 6,000 pairs, as the sample data's do, one
in fifty of them new; 50 merchants share the pairs, as in the sample data, unless said otherwise.
"""

import argparse
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from spark_jobs.core.chunk_sums import SUMS_SCHEMA, ChunkSums
from spark_jobs.core.detect import Detector, Reported, Rules
from spark_jobs.core.pair_rows import PAIRS_SCHEMA
from spark_jobs.core.pair_state import PairState
from spark_jobs.core.patterns import DEFAULT_THRESHOLDS, PATTERNS

_CHUNK_LINES = 10_000
_NEW_PAIRS = 120
_OLD_PAIRS = 5_880
_SHAPES = ((60_000, 50), (1_000_000, 50), (10_000_000, 50), (10_000_000, 1_000), (1_000_000, 1), (1_000_000, 20_000))


@dataclass(frozen=True)
class Cost:
    """What was measured with a state of so many pairs.

    Attributes:
        restore: seconds from rows of `state/pairs` to the state.
        bytes_a_pair: of the process's memory, by what the state and these chunks added to it.
        seconds: of each chunk, in order.
    """

    pairs: int
    merchants: int
    restore: float
    bytes_a_pair: float
    seconds: list[float]

    @property
    def updates(self) -> float:
        """Pair updates a second, over all chunks."""
        return (_NEW_PAIRS + _OLD_PAIRS) * len(self.seconds) / sum(self.seconds)


def measure(pairs: int, merchants: int, chunks: int) -> Cost:
    """Measure `chunks` chunks on a state of so many pairs, spread evenly over so many merchants."""
    random = np.random.default_rng(7)
    rows = state_rows(pairs, merchants, random)
    before = _resident_bytes()
    began = time.perf_counter()
    state = PairState.restore(rows)
    restore = time.perf_counter() - began
    rules = Rules(PATTERNS, DEFAULT_THRESHOLDS, every_chunk=False)
    detector = Detector(state, Reported(), rules, lambda: datetime.now(UTC))
    seconds = []
    for chunk in _chunks(pairs, merchants, chunks, random):
        began = time.perf_counter()
        detector.advance([chunk])
        seconds.append(time.perf_counter() - began)
    # The rows are still there, as they were before.
    added = _resident_bytes() - before
    del rows
    return Cost(pairs, merchants, restore, added / len(state), seconds)


def state_rows(pairs: int, merchants: int, random: np.random.Generator) -> pa.Table:
    """Return one row of `state/pairs` for each of so many pairs, spread evenly over so many merchants."""
    count = random.geometric(0.1, pairs)
    columns = {
        "merchant": _merchant_names(np.arange(pairs) % merchants),
        "customer": _customer_names(np.arange(pairs) // merchants),
        "gender": pa.array(np.array(["F", "M"])[random.integers(0, 2, pairs)]),
        "transactions": count,
        "amount_paise": count * random.integers(100, 10_000, pairs),
        "weight_units": count * random.integers(1, 1_000_000, pairs),
        "weighted_transactions": count,
        "line": np.full(pairs, _CHUNK_LINES),
    }
    values = {name: columns.get(name, pa.nulls(pairs, kind)) for name, kind in zip(*_named(PAIRS_SCHEMA), strict=True)}
    return pa.table(values, schema=PAIRS_SCHEMA)


def _chunks(pairs: int, merchants: int, chunks: int, random: np.random.Generator) -> Iterator[ChunkSums]:
    for number in range(chunks):
        old = random.choice(pairs, _OLD_PAIRS, replace=False) if pairs <= 100_000 else _distinct(pairs, random)
        touched = random.permutation(np.append(old, np.arange(_NEW_PAIRS) + pairs + number * _NEW_PAIRS))
        count = random.geometric(0.6, len(touched))
        columns = {
            "merchant": _merchant_names(touched % merchants),
            "customer": _customer_names(touched // merchants),
            "category": pa.array(["es_food"] * len(touched)),
            "transactions": count,
            "amount_paise": count * random.integers(100, 10_000, len(touched)),
            "weight_units": count * random.integers(1, 1_000_000, len(touched)),
            "weighted_transactions": count,
            "first_line": (number + 1) * _CHUNK_LINES + np.arange(len(touched)),
            "gender": pa.array(np.array(["F", "M"])[random.integers(0, 2, len(touched))]),
        }
        yield ChunkSums((number + 2) * _CHUNK_LINES, pa.table(columns, schema=SUMS_SCHEMA))


def _distinct(pairs: int, random: np.random.Generator) -> np.ndarray:
    return random.permutation(np.unique(random.integers(0, pairs, 2 * _OLD_PAIRS)))[:_OLD_PAIRS]


def _merchant_names(numbers: np.ndarray) -> pa.Array:
    names = pa.array([f"M{number:09d}" for number in range(int(numbers.max()) + 1)])
    return names.take(pa.array(numbers))


def _customer_names(numbers: np.ndarray) -> pa.Array:
    """Return names of 11 characters, as the sample data's: `C` and ten digits, in no order."""
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
    # What Arrow holds back for its next buffers is not the state's.
    pa.default_memory_pool().release_unused()
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - not a file
        return int(statm.read().split()[1]) * resource.getpagesize()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all shapes and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=300)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--merchants", type=int, default=50)
    options = parser.parse_args(arguments)
    shapes = [(options.pairs, options.merchants)] if options.pairs else _SHAPES
    print("| pairs | merchants | updates/s | ms a chunk: mean | median | p99 | most | bytes a pair | restore |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for pairs, merchants in shapes:
        cost = measure(pairs, merchants, options.chunks)
        ms = np.array(cost.seconds) * 1000
        print(
            f"| {pairs:,} | {merchants:,} | {cost.updates:,.0f} | {ms.mean():.2f} | {np.median(ms):.2f}"
            f" | {np.percentile(ms, 99):.2f} | {ms.max():.2f} | {cost.bytes_a_pair:.0f} | {cost.restore:.2f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
