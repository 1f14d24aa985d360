"""`python -m local.databricks`: serve the local Databricks until told to stop."""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from local.databricks.api import Service, build_api
from local.databricks.engine import Engine, Settings
from local.databricks.notifications import LoggedNotifier, WebhookNotifier
from local.databricks.pages import build_pages
from local.databricks.retention import keep_forgetting
from local.databricks.store import Store

TOKEN_VARIABLE = "LOCAL_DATABRICKS_TOKEN"


def main() -> None:
    """Serve; runs that were live when it ended are taken up at the next start."""
    options = _parser().parse_args()
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        sys.exit(f"{TOKEN_VARIABLE} must hold the token that clients send")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log = logging.getLogger("local.databricks")
    # The token is the clients' affair; a task's process needs none.
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    store = Store(options.directory / "databricks.db")
    settings = Settings(options.directory / "logs", environment, round(options.start_delay * 1000))
    notifier = WebhookNotifier(options.webhook, log) if options.webhook else LoggedNotifier(log)
    engine = Engine(store, settings, notifier, _now, log)
    engine.start()
    forgetting = keep_forgetting(store, engine, round(options.keep_days * 86_400_000), _now)
    base_url = options.url or f"http://127.0.0.1:{options.port}"
    names = (urlsplit(base_url).hostname or "", *options.name)
    app = build_api(Service(store, engine, {token: options.user}, base_url, _now, names))
    app.include_router(build_pages(store, engine))
    log.info("local Databricks at %s", base_url)
    try:
        _serve(app, options.host, options.port)
    finally:
        forgetting.set()
        engine.stop()
        store.close()
    if engine.failed:
        sys.exit(1)


def _serve(app: FastAPI, host: str, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False))

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the interface of signals
        server.should_exit = True

    # The server has handlers of its own while it runs; after it, it sends itself the signal again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.databricks", description="A local Databricks Jobs API.")
    parser.add_argument("--host", default="127.0.0.1", help="the address that it listens on (%(default)s)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--url", help="where a browser finds it, if not at that port on 127.0.0.1")
    parser.add_argument(
        "--name", action="append", default=[], help="another host name that clients ask it by; repeatable"
    )
    parser.add_argument("--directory", type=Path, required=True, metavar="DIR", help="keeps jobs, runs and logs")
    parser.add_argument("--user", default="local", help="whose token it is (%(default)s)")
    parser.add_argument(
        "--start-delay", type=float, default=0, metavar="SECONDS", help="a cluster's start, for each run (%(default)s)"
    )
    parser.add_argument(
        "--keep-days", type=float, default=60, metavar="DAYS", help="after which a run is forgotten (%(default)s)"
    )
    parser.add_argument("--webhook", metavar="URL", help="takes notifications; without it they are logged")
    return parser


if __name__ == "__main__":
    main()
