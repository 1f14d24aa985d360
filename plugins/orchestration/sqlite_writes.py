"""One writing request at a time, for an Airflow whose database is SQLite."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

_WRITING_METHODS = frozenset({"DELETE", "PATCH", "POST", "PUT"})
# Airflow's own apps that write to the database: the REST API, the UI's, and that of running tasks.
_WRITING_APPS = ("/api/v2/", "/ui/", "/execution/")


class OneWriteAtATime:
    """ASGI middleware that lets requests write one after the other; reading requests do not wait.

    SQLite has one writer at a time, and Airflow's API server writes the audit log from its event loop. Without this, a
    request whose transaction is open needs the event loop to commit, while the event loop waits for that transaction:
    nothing is answered, not even tasks, until SQLite's `busy_timeout` is over and a request fails.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope.get("method") in _WRITING_METHODS and str(scope["path"]).startswith(_WRITING_APPS):
            async with self._turn:
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)
