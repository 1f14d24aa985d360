"""Who may see what, by Airflow's own checks over auth managers whose decisions the tests make.

The providers of FAB and Keycloak are not installed: `Deciding` has their interface, `BaseAuthManager`, and
`AskingKeycloak` asks a server for each decision, as Keycloak's manager does.
"""

import asyncio
import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.dag import DagModel
from airflow.sdk.exceptions import AirflowException
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from orchestration.dag_ids import CHUNKER_DAG, DAG_IDS
from orchestration.settings import parse_settings
from pattern_page.access import DECISION_SECONDS, Access, Checks, airflow_checks
from pattern_page.app import create_app
from pattern_page.sources import Sources
from tests.unit.pattern_page.rows import NOW

SHELL = ("/", "/static/page.js", "/static/icon.svg", "/static/unknown")
FIGURES = ("/api/state", "/api/rules", "/api/rules/0")
QUESTIONS = ("/api/detections", "/api/detections.csv", "/api/merchants", "/api/merchants/history", "/api/explain")
CUSTOMERS = (*QUESTIONS, "/api/shadow", "/api/files/0")
ALL = frozenset(DAG_IDS)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Deciding(SimpleAuthManager):
    """An auth manager that decides as the test says, by user name; it counts the decisions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.website = {"user": True}
        self.dags: dict[str, frozenset[str]] = {"user": ALL}
        self.asked = 0

    def is_authorized_view(self, *, access_view: AccessView, user: SimpleAuthManagerUser) -> bool:
        self.asked += 1
        return access_view is AccessView.WEBSITE and self.website[user.username]

    def is_authorized_dag(
        self,
        *,
        method: str,
        user: SimpleAuthManagerUser,
        access_entity: DagAccessEntity | None = None,
        details: Any = None,
    ) -> bool:
        self.asked += 1
        reads = (method, access_entity) == ("GET", DagAccessEntity.RUN)
        return reads and details.id in self.dags[user.username]


class AskingKeycloak(Deciding):
    """An auth manager that asks a server for each decision, and treats its answers as Keycloak's manager does."""

    def __init__(self, server: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__()
        self._client = httpx.Client(transport=httpx.MockTransport(server))

    def is_authorized_view(self, *, access_view: AccessView, user: SimpleAuthManagerUser) -> bool:
        return self._ask(f"View#GET {access_view.value}", user)

    def is_authorized_dag(self, *, method: str, user: SimpleAuthManagerUser, details: Any = None, **_: Any) -> bool:
        return self._ask(f"Dag#{method} {details.id}", user)

    def _ask(self, permission: str, user: SimpleAuthManagerUser) -> bool:
        self.asked += 1
        answer = self._client.post("http://keycloak/token", json={"permission": permission, "user": user.username})
        if answer.status_code in (200, 401, 403):
            return answer.status_code == 200
        raise AirflowException(f"Unexpected error: {answer.status_code}")


class World:
    """The page under an auth manager; requests are those of `user`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, checks: Checks | None = None) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(DagModel, "get_team_name", staticmethod(lambda dag_id: None))  # noqa: ARG005
        self.manager = Deciding()
        self.use(self.manager)
        self.user: Any = SimpleAuthManagerUser(username="user", role="viewer")
        self.clock = Clock()
        sources = Sources(lambda: parse_settings({"chunksize": 1}), tuple, lambda _: tuple, self.clock)
        self.app = create_app(sources, Access(self.clock, checks or airflow_checks()), self.clock)
        self.app.dependency_overrides[get_user] = lambda: self.user
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def use(self, manager: BaseAuthManager[Any]) -> None:
        self._monkeypatch.setattr("airflow.api_fastapi.app._AuthManagerState.instance", manager)

    def status(self, path: str) -> int:
        if path in QUESTIONS:
            question = {"merchant": "M1"} if path in QUESTIONS[3:] else {}
            return self.client.post(path, json=question).status_code
        return self.client.get(path).status_code

    def lets_in(self, *paths: str) -> bool:
        """Return whether the paths pass the checks; what comes after them does not matter."""
        passed = {self.status(path) not in (401, 403, 500) for path in paths}
        assert len(passed) == 1
        return passed.pop()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize(
    ("website", "dags", "sees"),
    [
        (False, ALL, ()),
        (False, frozenset(), ()),
        (True, frozenset(), SHELL),
        (True, frozenset({"another"}), SHELL),
        (True, frozenset({CHUNKER_DAG}), (*SHELL, *FIGURES)),
        (True, ALL - {CHUNKER_DAG}, (*SHELL, *FIGURES)),
        (True, ALL, (*SHELL, *FIGURES, *CUSTOMERS)),
        (True, ALL | {"another"}, (*SHELL, *FIGURES, *CUSTOMERS)),
    ],
)
def test_each_part_of_the_page_needs_its_permissions(
    world: World, website: bool, dags: frozenset[str], sees: tuple[str, ...]
) -> None:
    world.manager.website["user"], world.manager.dags["user"] = website, dags
    # Some of them need a lake.
    seen = [path for path in (*SHELL, *FIGURES, *CUSTOMERS) if world.status(path) not in (401, 403)]
    assert seen == list(sees)


@pytest.mark.parametrize(
    ("dags", "named"), [(frozenset(), "you may read none"), (ALL - {"maintain"}, "hidden from you")]
)
def test_a_refusal_says_what_to_ask_for(world: World, dags: frozenset[str], named: str) -> None:
    world.manager.dags["user"] = dags
    detail = world.client.post("/api/detections", json={}).json()["detail"]
    assert named in detail
    assert "maintain" in detail


def test_a_request_without_a_login_is_refused_before_its_body_is_parsed(world: World) -> None:
    world.app.dependency_overrides.clear()
    assert {world.status(path) for path in (*SHELL, *FIGURES, *CUSTOMERS)} == {401}
    assert world.client.post("/api/detections", content=b"{").status_code == 401


@pytest.mark.parametrize(
    ("role", "sees"), [("admin", True), ("op", True), ("viewer", True), ("", False), (None, False)]
)
def test_airflows_simple_auth_manager_decides(world: World, role: str | None, sees: bool) -> None:
    world.use(SimpleAuthManager())  # type: ignore[no-untyped-call]
    world.user = SimpleAuthManagerUser(username="user", role=role)
    assert world.lets_in("/", "/api/state", "/api/detections", "/api/merchants") is sees


@pytest.mark.parametrize("answer", [200, 401, 403])
def test_a_manager_that_asks_a_server_decides(world: World, answer: int) -> None:
    asked: list[bytes] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return httpx.Response(answer)

    world.use(AskingKeycloak(server))
    assert world.lets_in("/", "/api/state", "/api/detections") is (answer == 200)
    assert len(asked) == (1 + len(DAG_IDS) if answer == 200 else 1)


def test_without_an_answer_of_the_server_nobody_is_let_in_and_the_next_request_asks_again(world: World) -> None:
    answers: list[httpx.Response | Exception] = [
        httpx.Response(400),
        httpx.Response(503),
        httpx.ConnectError("refused"),
    ]

    def server(_: httpx.Request) -> httpx.Response:
        answer = answers.pop(0) if answers else httpx.Response(200)
        if isinstance(answer, Exception):
            raise answer
        return answer

    world.use(AskingKeycloak(server))
    assert [world.status("/api/detections") for _ in range(4)] == [500, 500, 500, 200]


def refusing(**_: Any) -> None:
    raise HTTPException(403)


def passing(**_: Any) -> None:
    return


async def refusing_later(**_: Any) -> None:
    await asyncio.sleep(0)
    raise HTTPException(403)


async def passing_later(**_: Any) -> None:
    await asyncio.sleep(0)


def raising(error: Exception) -> Callable[..., Any]:
    def check(**_: Any) -> None:
        raise error

    return check


def returning(value: Any) -> Callable[..., Any]:
    return lambda **_: value


@pytest.mark.parametrize(
    ("check", "sees"),
    [
        (passing, True),
        (passing_later, True),
        (lambda **_: passing_later(), True),
        (refusing, False),
        (refusing_later, False),
        (lambda **_: refusing_later(), False),
        (raising(HTTPException(401)), False),
        (raising(HTTPException(403)), False),
        (raising(RuntimeError("a new Airflow")), False),
        (raising(TimeoutError()), False),
        (returning(True), False),
        (returning(False), False),
        (returning(object()), False),
        (returning("Forbidden"), False),
        (lambda request: request, False),
        ("not callable", False),
    ],
)
@pytest.mark.parametrize("place", ["website", "dag"])
def test_whatever_a_check_does_it_can_only_fail_closed(
    monkeypatch: pytest.MonkeyPatch, place: str, check: Any, sees: bool
) -> None:
    website = check if place == "website" else passing
    dags = dict.fromkeys(DAG_IDS, check if place == "dag" else passing)
    world = World(monkeypatch, Checks(website, dags))
    assert world.lets_in("/api/state", "/api/detections", "/api/merchants") is sees
    if place == "website":
        assert world.lets_in(*SHELL) is sees


def test_airflows_checks_may_become_asynchronous(monkeypatch: pytest.MonkeyPatch) -> None:
    def asynchronous(check: Callable[..., Any]) -> Callable[..., Any]:
        async def later(**arguments: Any) -> Any:
            await asyncio.sleep(0)
            return check(**arguments)

        return later

    checks = airflow_checks()
    later = Checks(asynchronous(checks.website), {name: asynchronous(check) for name, check in checks.dags.items()})
    world = World(monkeypatch, later)
    assert world.lets_in("/", "/api/state", "/api/detections")
    world.manager.website["user"] = False
    world.clock.wait(DECISION_SECONDS)
    assert not world.lets_in("/", "/api/state", "/api/detections")


def test_an_asynchronous_manager_under_checks_that_do_not_await_it_lets_nobody_in(world: World) -> None:
    class Later(Deciding):
        async def is_authorized_view(self, **_: Any) -> bool:  # type: ignore[override]
            return False

    assert inspect.iscoroutinefunction(Later().is_authorized_view)
    world.use(Later())
    assert not world.lets_in("/", "/api/state", "/api/detections")


def test_a_day_of_polls_asks_once_in_45_seconds(world: World) -> None:
    for _ in range(9 * 4):
        assert world.status("/api/state") == 200
        world.clock.wait(5)
    assert world.manager.asked == 4 * (1 + len(DAG_IDS))


@pytest.mark.parametrize("revoked", ["website", "dags"])
def test_a_revoked_user_loses_access_within_45_seconds_of_the_decision(world: World, revoked: str) -> None:
    assert world.lets_in("/api/state", "/api/detections")
    if revoked == "website":
        world.manager.website["user"] = False
    else:
        world.manager.dags["user"] = frozenset()
    # Requests in between do not prolong it.
    for _ in range(3):
        world.clock.wait((DECISION_SECONDS - 0.1) / 3)
        world.status("/api/state")
    assert world.lets_in("/api/state", "/api/detections")
    world.clock.wait(0.1)
    assert not world.lets_in("/api/state", "/api/detections")


def test_a_clock_that_is_set_back_prolongs_nothing(world: World) -> None:
    assert world.lets_in("/api/state")
    world.manager.website["user"] = False
    world.clock.wait(-3600)
    assert not world.lets_in("/api/state")


def test_decisions_are_not_shared_between_users_or_roles(world: World) -> None:
    world.use(SimpleAuthManager())  # type: ignore[no-untyped-call]
    assert world.lets_in("/api/detections")
    world.user = SimpleAuthManagerUser(username="user", role="")
    assert not world.lets_in("/api/detections")
    world.user = SimpleAuthManagerUser(username="another", role="")
    assert not world.lets_in("/api/detections")


def test_requests_at_the_same_time_ask_once(world: World) -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            answers = await asyncio.gather(*(client.get("/api/state") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}

    asyncio.run(run())
    assert world.manager.asked == 1 + len(DAG_IDS)


def test_every_route_depends_on_the_check(world: World) -> None:
    assert isinstance(world.app, FastAPI)
    # The router answers what matches no route itself, with nothing in it.
    assert world.client.get("/nothing").json() == {"detail": "Not Found"}
    world.manager.website["user"] = False
    routes = [
        (route.path, method) for route in world.app.routes if isinstance(route, APIRoute) for method in route.methods
    ]
    assert len(routes) == 12
    for path, method in routes:
        found = path.replace("{name}", "page.js").replace("{number}", "0")
        assert world.client.request(method, found, json={}).status_code == 403
