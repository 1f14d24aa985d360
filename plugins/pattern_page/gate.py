"""Limits on what the page makes its process do at once, so that Airflow's own requests never wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

RETRY_AFTER_SECONDS = 5


class BusyError(RuntimeError):
    """Raised when a question was not answered in time; the message says what to do."""


class SingleFlight:
    """Asks a question once, however many callers ask it at the same time."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    async def run(self, question: Hashable, answer: Callable[[], Awaitable[T]]) -> T:
        """Return the answer, or raise its error; a caller that gives up does not stop it for the others."""
        flight: asyncio.Task[T] | None = self._flights.get(question)
        if flight is None:
            flight = self._flights[question] = asyncio.ensure_future(_awaited(answer))
            flight.add_done_callback(lambda done: self._land(question, done))
        return await asyncio.shield(flight)

    def _land(self, question: Hashable, flight: "asyncio.Task[Any]") -> None:
        del self._flights[question]
        if not flight.cancelled():
            # All callers may have given up; asyncio complains about errors that nobody looked at.
            flight.exception()


class Gate:
    """Runs blocking calls on threads of its own: so many at once, and so many for one user.

    Airflow's own blocking endpoints share one pool of threads, which the page therefore never uses.
    """

    def __init__(self, readers: int, per_user: int, seconds: float) -> None:
        """Create a gate; a question that waits and runs for more than `seconds` is refused."""
        self._per_user = per_user
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="pattern-page-reader")
        self._free = asyncio.Semaphore(readers)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._flights = SingleFlight()

    async def read(self, user: str, question: Hashable, answer: Callable[[], T]) -> T:
        """Return what `answer` returns; callers with the same question share one call.

        A call that takes too long keeps its place until it ends, because a thread cannot be stopped.

        Raises:
            BusyError: there was no answer in time.
        """
        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await self._flights.run(question, lambda: self._answer(user, answer))
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._busy() from None

    async def _answer(self, user: str, answer: Callable[[], T]) -> T:
        turn = self._turns.get(user)
        if turn is None:
            turn = self._turns[user] = asyncio.Semaphore(self._per_user)
        try:
            async with asyncio.timeout(self._seconds) as limit, turn, self._free:
                # From here on the thread keeps its place, even if nobody waits for it.
                limit.reschedule(None)
                return await asyncio.get_running_loop().run_in_executor(self._threads, answer)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._busy() from None

    def _busy(self) -> BusyError:
        return BusyError(
            f"No answer within {self._seconds:g} s: too much is being read at once, or the store is slow;"
            f" try again in {RETRY_AFTER_SECONDS} s"
        )


async def _awaited(answer: Callable[[], Awaitable[T]]) -> T:
    return await answer()
