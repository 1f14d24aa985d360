"""Access to the page by Airflow's own checks, because Airflow mounts the apps of plugins without its login.

The page needs the `WEBSITE` view; every DAG's figures need permission to read its runs; customers and merchants need it
for all DAGs of the product (docs/decisions/0013).
"""

import asyncio
import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from fastapi import HTTPException, Request

from orchestration.dag_ids import DAG_IDS
from pattern_page.gate import SingleFlight
from pattern_page.viewer import Viewer

# A user who loses a permission loses access within this time.
DECISION_SECONDS = 45

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checks:
    """Airflow's checks: each returns None, or raises an `HTTPException` with status 403."""

    website: Callable[..., Any]
    dags: Mapping[str, Callable[..., Any]]


def airflow_checks() -> Checks:
    """Return the checks that Airflow's own routes depend on."""
    return Checks(
        requires_access_view(AccessView.WEBSITE),
        {dag_id: requires_access_dag("GET", DagAccessEntity.RUN, dag_id) for dag_id in DAG_IDS},
    )


class Access:
    """A dependency that returns the `Viewer` of a request; decisions are kept for `DECISION_SECONDS`.

    Airflow's checks are called here rather than listed as dependencies because they may cost a request to Keycloak
    each, and the page polls.
    """

    def __init__(self, now: Callable[[], datetime], checks: Checks) -> None:
        self._now = now
        self._checks = checks
        self._decided: dict[str, tuple[datetime, Viewer | None]] = {}
        self._flights = SingleFlight()

    async def __call__(self, request: Request, user: GetUserDep) -> Viewer:
        """Return what the user may see.

        Raises:
            HTTPException: 401 without a valid login, 403 without permission to see Airflow's website.
        """
        # Everything a decision depends on, so that a token with another role has another key; hashed, because some auth
        # managers include tokens.
        identity = json.dumps(get_auth_manager().serialize_user(user), sort_keys=True)
        key = hashlib.sha256(identity.encode()).hexdigest()
        decided = self._decided.get(key)
        if decided is None or not self._is_recent(decided[0]):
            decided = await self._flights.run(key, lambda: self._decide(key, request, user))
        if decided[1] is None:
            raise HTTPException(403, "You may not see Airflow's website; ask an administrator of Airflow for access")
        return decided[1]

    async def _decide(self, key: str, request: Request, user: Any) -> tuple[datetime, Viewer | None]:
        began = self._now()
        viewer = None
        if _are_awaited(self._checks) and await _passes(self._checks.website, request, user):
            dags = [dag_id for dag_id, check in self._checks.dags.items() if await _passes(check, request, user)]
            viewer = Viewer(str(user.get_id()), frozenset(dags))
        self._decided = {known: kept for known, kept in self._decided.items() if self._is_recent(kept[0])}
        self._decided[key] = began, viewer
        return self._decided[key]

    def _is_recent(self, began: datetime) -> bool:
        return 0 <= (self._now() - began).total_seconds() < DECISION_SECONDS


def _are_awaited(checks: Checks) -> bool:
    """Return whether the checks get decisions: a check that does not await a coroutine takes it for a yes."""
    manager = get_auth_manager()
    deciders = (
        (manager.is_authorized_view, checks.website),
        *((manager.is_authorized_dag, c) for c in checks.dags.values()),
    )
    for decide, check in deciders:
        if inspect.iscoroutinefunction(decide) and not inspect.iscoroutinefunction(check):
            log.error("%r is asynchronous, which this Airflow does not await; the page lets nobody in", decide)
            return False
    return True


async def _passes(check: Callable[..., Any], request: Request, user: Any) -> bool:
    """Return whether a check lets the user through; whatever it does that is not known lets nobody through."""
    try:
        # The check may ask a database or another server.
        result = await asyncio.to_thread(check, request=request, user=user)
        if inspect.isawaitable(result):
            result = await result
    except HTTPException as error:
        if error.status_code == 403:
            return False
        raise
    if result is not None:
        log.error("Airflow's check %r returned %r instead of None; the page treats it as a refusal", check, result)
    return result is None
