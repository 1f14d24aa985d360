"""Airflow plugin that adds the Pattern detection page to the navigation."""

import asyncio
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from pattern_page import LABEL, PREFIX, ROUTE


class LazyApp:
    """Creates the app on its first request: every Airflow process loads plugins, but only one serves the page."""

    def __init__(self) -> None:
        self._app: Any = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        async with self._lock:
            if self._app is None:
                self._app = await asyncio.to_thread(_create_app)
        await self._app(scope, receive, send)


def _create_app() -> Any:
    from datetime import UTC, datetime

    from orchestration.chunker_mode import chunker_mode
    from orchestration.settings import load_settings
    from pattern_page.access import Access, airflow_checks
    from pattern_page.app import create_app
    from pattern_page.runs import JobReader, read_dags
    from pattern_page.sources import Sources

    def now() -> datetime:
        return datetime.now(UTC)

    chunker_dag = chunker_mode().dag_id
    sources = Sources(
        load_settings, read_dags, lambda settings: JobReader(settings, chunker_dag).read, now, chunker_dag
    )
    return create_app(sources, Access(now, airflow_checks()), now)


class PatternPagePlugin(AirflowPlugin):
    """Adds the page; `pattern_page.access` decides who may see what."""

    name = "pattern_detection"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": PREFIX, "name": "Pattern detection"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            # Airflow's navigation cuts longer labels off.
            "name": LABEL,
            # Relative, because Airflow itself may be mounted under a path.
            "href": f"{PREFIX.lstrip('/')}/",
            "destination": "nav",
            "url_route": ROUTE,
            "nav_top_level": True,
            "icon": f"{PREFIX.lstrip('/')}/static/icon.svg",
            "icon_dark_mode": f"{PREFIX.lstrip('/')}/static/icon-dark.svg",
        }
    ]
