"""Reading in the background, with a clock that the test moves and threads that it runs by hand."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from detection_page.watched import Watched

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ByHand(Executor):
    """Runs what was submitted when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, task: Callable[..., Any], /, *_: Any, **__: Any) -> "Future[Any]":
        self.waiting.append(task)
        return Future()

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class World:
    def __init__(self) -> None:
        self.now = START
        self.answers: list[Any] = []
        self.pool = ByHand()
        self.watched = Watched[int]("S3", self._read, 2.0, self.pool, lambda: self.now)

    def _read(self) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_who_looks_never_waits_and_one_read_runs_at_a_time() -> None:
    world = World()
    world.answers = [1, 2]
    assert world.watched.look().value is None
    world.wait(100)
    assert world.watched.look().value is None
    assert len(world.pool.waiting) == 1
    world.pool.run()
    assert world.watched.look().value == 1
    world.wait(1.9)
    world.watched.look()
    assert world.pool.waiting == []
    world.wait(0.1)
    assert world.watched.look().value == 1
    world.pool.run()
    assert (world.watched.look().value, world.watched.look().version) == (2, 2)


def test_nothing_is_read_while_nobody_looks() -> None:
    world = World()
    world.wait(1000)
    assert world.pool.waiting == []


def test_a_failed_read_keeps_what_was_read_before_and_says_since_when(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.answers = [1, OSError("refused\nmore"), OSError("refused"), 3]
    for seconds in (0, 10, 10):
        world.wait(seconds)
        world.watched.look()
        world.pool.run()
    seen = world.watched.look()
    assert (seen.value, seen.read_at, seen.error) == (1, START, "OSError: refused")
    assert seen.failing_since == START + timedelta(seconds=10)
    assert "S3 was not read" in caplog.text
    world.wait(10)
    world.watched.look()
    world.pool.run()
    assert (world.watched.look().value, world.watched.look().error, world.watched.look().failing_since) == (3, "", None)


def test_a_read_that_hangs_is_told() -> None:
    world = World()
    world.watched.look()
    world.wait(14.9)
    assert world.watched.look().error == ""
    world.wait(0.1)
    seen = world.watched.look()
    assert (seen.error, seen.failing_since) == ("S3 does not answer", START)
