"""`python -m local.databricks`: serve the local Databricks until SIGTERM or SIGINT."""

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
from local.databricks.attempts import EngineSettings
from local.databricks.engine import Engine
from local.databricks.pages import build_pages
from local.databricks.store import Store

TOKEN_VARIABLE = "LOCAL_DATABRICKS_TOKEN"


def main() -> None:
    """Serve; runs that are active when the server ends are recovered at its next start."""
    options = _parser().parse_args()
    # Processes that are started from here on do not get it, the fork server of the tasks included.
    token = os.environ.pop(TOKEN_VARIABLE, "")
    if not token:
        sys.exit(f"{TOKEN_VARIABLE} must be set to the token that clients send")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log = logging.getLogger("local.databricks")
    settings = EngineSettings(
        options.directory / "logs",
        dict(os.environ),
        start_delay_millis=round(options.start_delay * 1000),
        grace_millis=round(options.grace * 1000),
        keep_millis=round(options.keep_days * 86_400_000),
        runtime_python=options.runtime_python,
    )
    store = Store(options.directory / "databricks.db")
    engine = Engine(store, settings, _now, log)
    engine.start()
    base_url = options.url or f"http://127.0.0.1:{options.port}"
    names = (urlsplit(base_url).hostname or "", *options.name)
    app = build_api(Service(store, engine, token, base_url, _now, names))
    app.include_router(build_pages(store, engine))
    log.info("local Databricks at %s", base_url)
    try:
        _serve(app, options.host, options.port)
    finally:
        engine.stop()
        store.close()
    if engine.failed:
        sys.exit(1)


def _serve(app: FastAPI, host: str, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False))

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signature of a signal handler
        server.should_exit = True

    # uvicorn installs its own handlers while it serves, and raises the signal again afterwards.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.databricks", description="A local Databricks Jobs API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--url", help="base URL for browsers, if not http://127.0.0.1:PORT")
    parser.add_argument("--name", action="append", default=[], help="further host name that is accepted; repeatable")
    parser.add_argument("--directory", type=Path, required=True, metavar="DIR", help="for jobs, runs and logs")
    parser.add_argument(
        "--start-delay", type=float, default=0, metavar="SECONDS", help="cluster start time of each run (%(default)s)"
    )
    parser.add_argument(
        "--grace", type=float, default=10, metavar="SECONDS", help="from SIGTERM to SIGKILL of a run (%(default)s)"
    )
    parser.add_argument(
        "--runtime-python",
        default="",
        metavar="PATH",
        help="run wheel tasks in cells of this Python's ipykernel, as on Databricks (default: in processes)",
    )
    parser.add_argument(
        "--keep-days", type=float, default=60, metavar="DAYS", help="after which runs are deleted (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    main()
