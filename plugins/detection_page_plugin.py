"""The Pattern detection page in Airflow's navigation."""

import asyncio
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from detection_page import PREFIX, ROUTE


class LazyApp:
    """Makes the app at its first request: every process of Airflow loads plugins, one serves the page."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(_make_app)
        await self._app(scope, receive, send)


def _make_app() -> Any:
    from datetime import UTC, datetime

    from detection_page.access import DagAccess, require_access
    from detection_page.app import create_app
    from detection_page.read_runs import JobReader, read_dags
    from detection_page.sources import Sources
    from orchestration.load_settings import load_settings

    def now() -> datetime:
        return datetime.now(UTC)

    sources = Sources(load_settings, read_dags, lambda settings: JobReader(settings).read, now)
    return create_app(sources, require_access, DagAccess, now)


class DetectionPagePlugin(AirflowPlugin):
    """Adds the page; what it may show to whom is decided in `detection_page.access`."""

    name = "pattern_detection"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": PREFIX, "name": "Pattern detection"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Pattern detection",
            # Relative: Airflow may itself be mounted under a path.
            "href": f"{PREFIX.lstrip('/')}/",
            "destination": "nav",
            "url_route": ROUTE,
            "nav_top_level": True,
            "icon": f"{PREFIX.lstrip('/')}/static/icon.svg",
            "icon_dark_mode": f"{PREFIX.lstrip('/')}/static/icon-dark.svg",
        }
    ]
