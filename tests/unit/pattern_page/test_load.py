"""Many requests at once, while the store does not answer: Airflow's own requests are served regardless."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pyarrow as pa
from fastapi import FastAPI

from orchestration.dag_ids import DAG_IDS
from orchestration.settings import parse_settings
from pattern_page.app import Gates, create_app
from pattern_page.gate import Gate
from pattern_page.sources import Sources
from pattern_page.viewer import Viewer
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from tests.unit.pattern_page.lake import utc_now
from tests.unit.pattern_page.test_gate import NEVER, Reads, until

HISTORIES = 100


class StuckSources(Sources):
    """Sources whose store answers when the test lets it."""

    def __init__(self, reads: Reads) -> None:
        super().__init__(lambda: parse_settings({"chunksize": 1}), tuple, lambda _: tuple, utc_now)
        self._reads = reads

    def merchant_history(self, merchant: str) -> tuple[pa.Table, bool]:
        self._reads.read()
        return MERCHANTS_SCHEMA.empty_table(), merchant == "capped"


class CountingGate(Gate):
    """A gate that counts the questions."""

    asked = 0

    async def read(self, *arguments: Any) -> Any:
        self.asked += 1
        return await super().read(*arguments)


@asynccontextmanager
async def airflow(reads: Reads, store: Gate) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an Airflow with the page and a blocking health check, like Airflow's own."""
    outer = FastAPI()

    @outer.get("/health")
    def health() -> str:
        return "healthy"

    page = create_app(StuckSources(reads), lambda: Viewer("user", frozenset(DAG_IDS)), utc_now, Gates(store=store))
    outer.mount("/pattern-detection", page)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://testserver") as client:
        yield client


def history(client: httpx.AsyncClient, merchant: str) -> Coroutine[Any, Any, httpx.Response]:
    return client.post("/pattern-detection/api/merchants/history", json={"merchant": merchant})


def test_a_hundred_histories_delay_neither_airflow_nor_the_rest_of_the_page() -> None:
    async def run() -> None:
        reads = Reads()
        async with airflow(reads, Gate(readers=4, per_user=2, seconds=NEVER)) as client:
            histories = [asyncio.create_task(history(client, f"M{number}")) for number in range(HISTORIES)]
            await until(lambda: reads.running == 2)
            # None of these waits for a history: all of them are held up.
            assert [(await client.get("/health")).text for _ in range(3)] == ['"healthy"'] * 3
            assert (await client.get("/pattern-detection/")).status_code == 200
            assert (await client.get("/pattern-detection/static/page.js")).status_code == 200
            assert (await client.get("/pattern-detection/api/state")).status_code == 200
            assert (await client.post("/pattern-detection/api/detections", json={})).status_code == 200
            assert (reads.begun, any(task.done() for task in histories)) == (2, False)
            reads.released.set()
            assert {answer.status_code for answer in await asyncio.gather(*histories)} == {200}
            assert (reads.most, reads.begun) == (2, HISTORIES)

    asyncio.run(run())


def test_the_same_history_is_read_once_for_everybody_who_asks_at_the_same_time() -> None:
    async def run() -> None:
        reads = Reads()
        gate = CountingGate(readers=4, per_user=2, seconds=NEVER)
        async with airflow(reads, gate) as client:
            histories = [asyncio.create_task(history(client, "capped")) for _ in range(HISTORIES)]
            await until(lambda: reads.running == 1 and gate.asked == HISTORIES)
            reads.released.set()
            answers = await asyncio.gather(*histories)
        assert {answer.text for answer in answers} == {'{"merchant": "capped", "rows": [], "capped": true}'}
        assert reads.begun == 1

    asyncio.run(run())


def test_a_history_that_takes_too_long_is_refused_with_a_time_to_try_again() -> None:
    async def run() -> None:
        reads = Reads()
        async with airflow(reads, Gate(readers=4, per_user=2, seconds=0.01)) as client:
            answers = await asyncio.gather(*(history(client, f"M{number}") for number in range(HISTORIES)))
            assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "5")}
            assert answers[0].json()["detail"].startswith("No answer within 0.01 s: too much is being read at once")
            assert (await client.get("/health")).status_code == 200
            assert reads.most <= 2
            reads.released.set()
            await until(lambda: reads.running == 0)

    asyncio.run(run())
