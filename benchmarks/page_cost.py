"""Response times of the Pattern detection page: `python -m benchmarks.page_cost`; about two minutes.

The state has 1,000,000 pairs and 100,000 detections. Requests go to a real api-server, authentication included.
"""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa

from benchmarks.detector_cost import quantile
from local.airflow import LocalAirflow, local_airflow
from local.s3 import LocalS3, local_s3
from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA, ChunkSums
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import open_objects

PAIRS, DETECTIONS, MERCHANTS = 1_000_000, 100_000, 1_000
_CHUNK = 10_000
_BUCKET = "transactions"
_LAKE = f"s3://{_BUCKET}/page"
_POLLS = 200
_GROWING_COMMITS = 20


@dataclass(frozen=True)
class Times:
    """Seconds of consecutive requests."""

    seconds: list[float]

    def __str__(self) -> str:
        p50, p99, slowest = quantile(self.seconds, 50), quantile(self.seconds, 99), max(self.seconds)
        return f"{1000 * p50:.1f} / {1000 * p99:.1f} / {1000 * slowest:.1f} ms"


class GrowingState:
    """A detector's state that grows chunk by chunk, with some children among the new customers."""

    def __init__(self) -> None:
        self._tables = StateTables(open_objects(_LAKE))
        rules = Rules(BUILT_IN, every_chunk=False)
        self._detector = Detector(PairState(), Reported(), rules, lambda: datetime.now(UTC))
        self._line = 0

    def grow(self, pairs: int, children: int) -> None:
        """Commit one chunk with `pairs` new pairs, `children` of them children."""
        numbers = np.arange(self._line, self._line + pairs)
        transactions = np.where(np.arange(pairs) < children, 80, 1)
        columns = {
            "merchant": [f"M{number % MERCHANTS}" for number in numbers],
            "customer": [f"C{number // MERCHANTS}" for number in numbers],
            "category": ["es_food"] * pairs,
            **dict.fromkeys(("transactions", "weighted_transactions"), transactions),
            **dict.fromkeys(("amount_paise", "weight_units"), transactions * 1000),
            "first_line": numbers,
            "gender": ["F"] * pairs,
        }
        self._line += pairs
        outcome = self._detector.advance([ChunkSums(self._line, pa.table(columns, schema=SUMS_SCHEMA))])
        self._tables.commit(outcome, {})


def main() -> None:
    """Measure all requests and print a Markdown table."""
    with tempfile.TemporaryDirectory(prefix="page-cost-") as name:
        directory = Path(name)
        with local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3:
            os.environ.update(s3.environment)
            state = GrowingState()
            state.grow(PAIRS, DETECTIONS)
            settings = json.dumps({"lake": _LAKE, "source": f"s3://{_BUCKET}/t.csv"})
            environment = {**s3.environment, "AIRFLOW_VAR_TRANSACTION_PATTERNS": settings}
            with local_airflow(directory / "airflow", directory / "logs", environment, only=("api-server",)) as airflow:
                rows = _measure(airflow, s3, state)
    print("| request | p50 / p99 / max |\n| --- | --- |")
    for label, result in rows:
        print(f"| {label} | {result} |")


def _measure(airflow: LocalAirflow, s3: LocalS3, state: GrowingState) -> list[tuple[str, str]]:
    with airflow.client() as client:
        base = f"{airflow.url}/pattern-detection/api"

        def ask(path: str, **question: str) -> httpx.Response:
            return client.post(f"{base}/{path}", json=question).raise_for_status()

        def poll() -> httpx.Response:
            return client.get(f"{base}/state?span=24h").raise_for_status()

        began = time.perf_counter()
        starting = Times([_seconds(poll)])
        while (poll().json()["found"] or {"total": 0})["total"] < DETECTIONS:
            time.sleep(0.1)
        first_read = time.perf_counter() - began
        size = len(poll().content)
        steady = Times([_seconds(poll) for _ in range(_POLLS)])
        growing = _while_growing(poll, state)
        filtered = Times([_seconds(lambda: ask("detections", merchant="M1", customer="C9")) for _ in range(50)])
        merchants = Times([_seconds(lambda: ask("merchants", sort="customers")) for _ in range(50)])
        history = Times([_seconds(lambda: ask("merchants/history", merchant="M1")) for _ in range(10)])
        download = Times([_seconds(lambda: ask("detections.csv"))])
        os.kill(s3.process, signal.SIGSTOP)
        try:
            hanging = Times(_paced(poll, _POLLS // 2))
        finally:
            os.kill(s3.process, signal.SIGCONT)
    return [
        ("the state, 100,000 detections, 1,000,000 pairs", str(steady)),
        ("… while a chunk with 50 detections is committed every 0.5 s", str(growing)),
        ("… while S3 hangs", str(hanging)),
        ("… at the first request", f"{1000 * starting.seconds[0]:.0f} ms"),
        ("first request until everything is read", f"{first_read:.1f} s"),
        ("size of the state, 24 h", f"{size:,} bytes"),
        ("detections, filtered by merchant and customer", str(filtered)),
        ("merchants, sorted", str(merchants)),
        ("the history of a merchant", str(history)),
        ("all 100,000 detections as CSV", f"{download.seconds[0]:.1f} s"),
    ]


def _while_growing(poll: Callable[[], httpx.Response], state: GrowingState) -> Times:
    """Poll ten times a second while a chunk is committed every half second."""
    seconds: list[float] = []
    for _ in range(_GROWING_COMMITS):
        state.grow(_CHUNK, children=50)
        seconds += _paced(poll, 5)
    # Fail if the page shows less than what was committed.
    deadline = time.monotonic() + 30
    wanted = DETECTIONS + 50 * _GROWING_COMMITS
    while poll().json()["found"]["total"] < wanted:
        assert time.monotonic() < deadline, "the page does not show all committed detections"
        time.sleep(0.2)
    return Times(seconds)


def _paced(request: Callable[[], object], times: int) -> list[float]:
    seconds = []
    for _ in range(times):
        seconds.append(_seconds(request))
        time.sleep(max(0.0, 0.1 - seconds[-1]))
    return seconds


def _seconds(request: Callable[[], object]) -> float:
    began = time.perf_counter()
    request()
    return time.perf_counter() - began


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
