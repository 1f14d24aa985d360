"""Polling, with a clock and threads that the test controls."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pattern_page.poller import Poller

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ManualExecutor(Executor):
    """Runs submitted calls when `run` is called."""

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
        self.pool = ManualExecutor()
        self.poller = Poller[int]("S3", self._read, 2.0, self.pool, lambda: self.now)

    def _read(self) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_a_poll_never_blocks_and_one_read_runs_at_a_time() -> None:
    world = World()
    world.answers = [1, 2]
    assert world.poller.poll().value is None
    world.wait(100)
    assert world.poller.poll().value is None
    assert len(world.pool.waiting) == 1
    world.pool.run()
    assert world.poller.poll().value == 1
    world.wait(1.9)
    world.poller.poll()
    assert world.pool.waiting == []
    world.wait(0.1)
    assert world.poller.poll().value == 1
    world.pool.run()
    assert (world.poller.poll().value, world.poller.poll().version) == (2, 2)


def test_nothing_is_read_without_polls() -> None:
    world = World()
    world.wait(1000)
    assert world.pool.waiting == []


def test_a_failed_read_keeps_the_value_and_the_time_of_the_first_failure(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.answers = [1, OSError("refused\nmore"), OSError("refused"), 3]
    for seconds in (0, 10, 10):
        world.wait(seconds)
        world.poller.poll()
        world.pool.run()
    polled = world.poller.poll()
    assert (polled.value, polled.read_at, polled.error) == (1, START, "OSError: refused")
    assert polled.failing_since == START + timedelta(seconds=10)
    assert "S3 cannot be read" in caplog.text
    world.wait(10)
    world.poller.poll()
    world.pool.run()
    assert (world.poller.poll().value, world.poller.poll().error, world.poller.poll().failing_since) == (3, "", None)


def test_a_hanging_read_is_reported() -> None:
    world = World()
    world.poller.poll()
    world.wait(14.9)
    assert world.poller.poll().error == ""
    world.wait(0.1)
    polled = world.poller.poll()
    assert (polled.error, polled.failing_since) == ("S3 does not respond", START)
