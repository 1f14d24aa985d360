"""The app against the local S3, without an access check; that of Airflow has tests of its own."""

import re
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local.s3 import LocalS3
from orchestration.settings import parse_settings
from pattern_page.app import create_app
from pattern_page.snapshots import DagSnapshot
from pattern_page.sources import Sources
from tests.pattern_page.lake import PageLake, utc_now

DAGS = (DagSnapshot("chunk_transactions", paused=False), DagSnapshot("secret", paused=False))


class SeesOneDag:
    """A `DagAccess` whose user may see `chunk_transactions` only."""

    def visible(self, dag_ids: Collection[str]) -> frozenset[str]:
        return frozenset(dag_ids) & {"chunk_transactions"}


def allow_everyone() -> None:
    """A `require_access` without checks."""


class Page:
    """The page as a browser requests it."""

    def __init__(self, settings: Callable[[], dict[str, object]]) -> None:
        sources = Sources(lambda: parse_settings(settings()), lambda: DAGS, lambda _: lambda: (), utc_now)
        self.client = TestClient(create_app(sources, allow_everyone, SeesOneDag, utc_now))

    def state(self, span: str = "1h") -> dict[str, Any]:
        return dict(self.client.get("/api/state", params={"span": span}).raise_for_status().json())

    def state_when(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Poll until a condition holds, as the page does."""
        deadline = time.monotonic() + 30
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(path, params=parameters).raise_for_status().json()


@pytest.fixture
def lake(s3: LocalS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PageLake:
    """An empty lake, with the `AWS_*` variables of its S3 set."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return PageLake(s3, re.sub(r"\W+", "-", request.node.name))


@pytest.fixture
def page(lake: PageLake) -> Page:
    return Page(lambda: lake.settings)
