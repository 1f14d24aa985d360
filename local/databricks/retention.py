"""Forgets old runs, as Databricks does after 60 days: a server that runs for months would fill its disk with logs."""

import threading
from collections.abc import Callable
from contextlib import suppress

from local.databricks.engine import Engine
from local.databricks.errors import ApiError
from local.databricks.store import Store

_SECONDS_BETWEEN_LOOKS = 3600


def forget_runs(store: Store, engine: Engine, before: int) -> int:
    """Forget the runs that were asked for before a time and are over, with their logs.

    Args:
        before: milliseconds.

    Returns:
        How many they were.
    """
    old = [run.run_id for run in store.runs(live=False, created_to=before)]
    for run_id in old:
        # A client may have deleted it, or repaired it, just now.
        with suppress(ApiError):
            engine.delete(run_id)
    return len(old)


def keep_forgetting(store: Store, engine: Engine, keep_millis: int, now: Callable[[], int]) -> threading.Event:
    """Forget what is older, now and every hour in a thread of its own, until the event is set that is returned."""
    stopped = threading.Event()

    def look() -> None:
        while not stopped.is_set():
            forget_runs(store, engine, now() - keep_millis)
            stopped.wait(_SECONDS_BETWEEN_LOOKS)

    threading.Thread(target=look, name="retention", daemon=True).start()
    return stopped
