"""Requests that write to Airflow's SQLite."""

import asyncio
from typing import Any

import pytest

from orchestration.sqlite_writes import OneWriteAtATime
from pattern_page import PREFIX


async def _most_at_once(*requests: tuple[str, str]) -> int:
    """Answer requests that all start at once; return how many were being answered at the same time."""
    running = most = 0

    async def answer(*_: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _turn in range(10):
            await asyncio.sleep(0)
        running -= 1

    app = OneWriteAtATime(answer)
    scopes = [{"type": "http", "method": method, "path": path} for method, path in requests]
    await asyncio.gather(*(app(scope, None, None) for scope in scopes))
    assert running == 0
    return most


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "PUT"])
def test_a_request_that_writes_waits_for_the_one_before(method: str) -> None:
    trigger = ("POST", "/api/v2/dags/watch_freshness/dagRuns")
    task = (method, "/execution/task-instances/1/state")
    assert asyncio.run(_most_at_once(trigger, task, ("POST", "/ui/backfills"))) == 1


@pytest.mark.parametrize(
    "other", [("GET", "/api/v2/dags"), ("POST", f"{PREFIX}/api/explain"), ("GET", "/execution/variables/x")]
)
def test_a_request_that_does_not_write_does_not_wait(other: tuple[str, str]) -> None:
    assert asyncio.run(_most_at_once(("POST", "/api/v2/variables"), other)) == 2


def test_what_is_not_a_request_passes() -> None:
    passed: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append(scope["type"])

    asyncio.run(OneWriteAtATime(app)({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]
