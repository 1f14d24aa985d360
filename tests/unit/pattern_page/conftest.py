"""The app against the local S3, without an access check; that of Airflow has tests of its own."""

import re
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local.s3 import LocalS3
from orchestration.dag_ids import CHUNKER_DAG, DAG_IDS, SUPERVISOR_DAG
from orchestration.settings import parse_settings
from pattern_page.app import create_app
from pattern_page.snapshots import DagSnapshot, JobSnapshot
from pattern_page.sources import INTERVALS, Sources
from pattern_page.viewer import Viewer
from tests.unit.pattern_page.lake import PageLake, utc_now

DAGS = tuple(DagSnapshot(dag_id, paused=False) for dag_id in DAG_IDS)
JOBS = (JobSnapshot("chunker", CHUNKER_DAG), JobSnapshot("detector", SUPERVISOR_DAG))


# Of the pages of a test.
_SOURCES: list[Sources] = []


class Page:
    """The page as a browser requests it, for a user who may read the runs of `dags`."""

    def __init__(self, settings: Callable[[], dict[str, object]], dags: Collection[str] = DAG_IDS) -> None:
        intervals = dict.fromkeys(INTERVALS, 0.1)
        sources = Sources(
            lambda: parse_settings(settings()), lambda: DAGS, lambda _: lambda: JOBS, utc_now, intervals=intervals
        )
        _SOURCES.append(sources)
        viewer = Viewer("user", frozenset(dags))
        self.client = TestClient(create_app(sources, lambda: viewer, utc_now))

    def state(self, span: str = "1h") -> dict[str, Any]:
        return dict(self.client.get("/api/state", params={"span": span}).raise_for_status().json())

    def state_when(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Poll until a condition holds, as the page does."""
        deadline = time.monotonic() + 30
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state

    def ask(self, path: str, **question: Any) -> Any:
        return self.client.post(path, json=question).raise_for_status().json()


@pytest.fixture(autouse=True)
def _no_read_outlives_its_test(s3: LocalS3) -> Iterator[None]:  # noqa: ARG001 - which ends after this
    yield
    while _SOURCES:
        _SOURCES.pop()._lake._pool.shutdown()


@pytest.fixture
def lake(s3: LocalS3, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PageLake:
    """An empty lake, with the `AWS_*` variables of its S3 set."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return PageLake(s3, re.sub(r"\W+", "-", request.node.name))


@pytest.fixture
def page(lake: PageLake) -> Page:
    return Page(lambda: lake.settings)
