"""The app against the local S3, with an access check that lets everybody in; Airflow's own has its own tests."""

import re
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from fastapi.testclient import TestClient

from detection_page.app import create_app
from detection_page.facts import DagFacts
from detection_page.sources import Sources
from local.s3 import LocalS3
from orchestration.settings import parse_settings
from tests.detection_page.lake import PageLake, utc_now

DAGS = (DagFacts("chunk_transactions", paused=False), DagFacts("secret", paused=False))


class SeesOneDag:
    """Stands in for `DagAccess`: its user may see `chunk_transactions` alone."""

    def visible(self, dag_ids: Collection[str]) -> frozenset[str]:
        return frozenset(dag_ids) & {"chunk_transactions"}


def nobody_is_refused() -> None:
    """Stands in for `require_access`."""


class Page:
    """The page as a browser asks for it."""

    def __init__(self, settings: Callable[[], dict[str, object]]) -> None:
        sources = Sources(lambda: parse_settings(settings()), lambda: DAGS, lambda _: lambda: (), utc_now)
        self.client = TestClient(create_app(sources, nobody_is_refused, SeesOneDag, utc_now))

    def state(self, span: str = "1h") -> dict[str, Any]:
        return dict(self.client.get("/api/state", params={"span": span}).raise_for_status().json())

    def state_when(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Ask until something is so, as the page does."""
        deadline = time.monotonic() + 30
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(path, params=parameters).raise_for_status().json()


@pytest.fixture
def lake(s3: LocalS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PageLake:
    """An empty lake; every client of this process is led to it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return PageLake(s3, re.sub(r"\W+", "-", request.node.name))


@pytest.fixture
def page(lake: PageLake) -> Page:
    return Page(lambda: lake.settings)
