"""Limits on concurrent reads, with reads that end when the test lets them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pattern_page.gate import BusyError, Gate, SingleFlight

NEVER = 1_000_000


class Reads:
    """Blocking reads that end once they are released; counts those that run."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.begun = 0
        self._lock = threading.Lock()
        self.released = threading.Event()

    def read(self) -> int:
        with self._lock:
            self.running += 1
            self.begun += 1
            self.most = max(self.most, self.running)
        assert self.released.wait(60)
        with self._lock:
            self.running -= 1
        return self.begun


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*calls, return_exceptions=True))


def test_one_user_has_so_many_reads_at_once_and_leaves_room_for_others() -> None:
    async def run() -> None:
        gate, reads = Gate(readers=3, per_user=2, seconds=NEVER), Reads()
        greedy = [asyncio.create_task(gate.read("greedy", number, reads.read)) for number in range(50)]
        await until(lambda: reads.running == 2)
        other = asyncio.create_task(gate.read("other", "question", reads.read))
        await until(lambda: reads.running == 3)
        assert reads.begun == 3
        reads.released.set()
        await asyncio.gather(*greedy, other)
        assert reads.most == 3

    asyncio.run(run())


def test_all_users_together_have_so_many_reads_at_once() -> None:
    async def run() -> None:
        gate, reads = Gate(readers=3, per_user=2, seconds=NEVER), Reads()
        calls = [asyncio.create_task(gate.read(f"user {number}", number, reads.read)) for number in range(50)]
        await until(lambda: reads.running == 3)
        reads.released.set()
        await asyncio.gather(*calls)
        assert (reads.most, reads.begun) == (3, 50)

    asyncio.run(run())


def test_the_same_question_asked_at_once_is_read_once() -> None:
    async def run() -> None:
        gate, reads = Gate(readers=3, per_user=2, seconds=NEVER), Reads()
        calls = [asyncio.create_task(gate.read(f"user {number}", "question", reads.read)) for number in range(50)]
        await until(lambda: reads.running == 1)
        reads.released.set()
        assert await asyncio.gather(*calls) == [1] * 50
        # Later questions are read again.
        assert await gate.read("user", "question", reads.read) == 2

    asyncio.run(run())


def test_a_read_that_takes_too_long_is_refused_and_keeps_its_place_until_it_ends() -> None:
    async def run() -> None:
        gate, reads = Gate(readers=1, per_user=1, seconds=0.01), Reads()
        refused = await outcomes(*(gate.read(f"user {number}", number, reads.read) for number in range(3)))
        assert [type(error) for error in refused] == [BusyError] * 3
        assert "try again in 5 s" in str(refused[0])
        # Those that waited in vain never begin.
        assert (reads.running, reads.begun) == (1, 1)
        assert await outcomes(gate.read("user", "later", reads.read)) != [2]
        reads.released.set()
        await until(lambda: reads.running == 0)
        while await outcomes(gate.read("user", "again", lambda: "answer")) != ["answer"]:
            pass

    asyncio.run(run())


def test_errors_reach_every_caller_and_nothing_is_blocked_afterwards() -> None:
    async def run() -> None:
        gate = Gate(readers=1, per_user=1, seconds=NEVER)

        def fail() -> None:
            raise TimeoutError("S3")

        errors = await outcomes(gate.read("a", "question", fail), gate.read("b", "question", fail))
        assert [str(error) for error in errors] == ["S3", "S3"]
        assert [type(error) for error in errors] == [TimeoutError, TimeoutError]
        assert await gate.read("a", "question", lambda: "answer") == "answer"

    asyncio.run(run())


@pytest.mark.parametrize("leaves", [0, 1])
def test_a_caller_that_leaves_does_not_stop_the_answer_of_others(leaves: int) -> None:
    async def run() -> None:
        flights, release = SingleFlight(), asyncio.Event()

        async def answer() -> str:
            await release.wait()
            return "answer"

        calls = [asyncio.create_task(flights.run("question", answer)) for _ in range(2)]
        await asyncio.sleep(0)
        calls[leaves].cancel()
        await asyncio.sleep(0)
        release.set()
        assert await calls[1 - leaves] == "answer"

    asyncio.run(run())
