"""Lasting damage of a Delta table: which of its objects is missing or unreadable, and how to get it back.

Looked for only where the table could not be used despite retries. A file that maintenance deleted while it was read is
no damage: the newest version of the table does not name it.
"""

import json
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_jobs.errors import PipelineError, TableDamagedError
from spark_jobs.store.objects import Objects, open_objects

_ENTRY = re.compile(r"(\d{20})\.json\Z")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet\Z")
_RESTORE = "restore it from the bucket's versions, or rebuild the table (docs/troubleshooting.md)"


def find_damage(url: str, load: Callable[[str], DeltaTable]) -> TableDamagedError | None:
    """Return what is wrong with the table at `url`; None if nothing is, or if the store does not let us look.

    Args:
        load: opens the newest version of the table.
    """
    parent, _, name = url.rpartition("/")
    try:
        folder = open_objects(parent)
        return _damaged_log(folder, name) or _damaged_data(folder, name, load(url))
    except (PipelineError, DeltaError, OSError):
        # The caller raises the failure that made it look.
        return None


def _damaged_log(folder: Objects, name: str) -> TableDamagedError | None:
    log = f"{name}/_delta_log"
    # The hint first: a checkpoint is written before it.
    hinted = _hinted_version(folder, log)
    paths = [listed.path for listed in folder.list_objects(log)]
    entries = {int(found[1]) for path in paths if (found := _ENTRY.search(path))}
    last = max((int(found[1]) for path in paths if (found := _CHECKPOINT.search(path))), default=-1)
    checkpoint = max(last, hinted)
    newest = max(entries, default=-1)
    problem = "is missing" if checkpoint > last else _problem_of_checkpoint(folder, _checkpoint(log, checkpoint))
    if checkpoint >= 0 and problem:
        return _damaged_checkpoint(folder, log, checkpoint, problem, complete=entries.issuperset(range(newest + 1)))
    for version in range(checkpoint + 1, newest + 1):
        path = f"{log}/{version:020d}.json"
        if problem := _problem_of_entry(folder, path) if version in entries else "is missing":
            return TableDamagedError(f"{folder.place(path)} {problem}, a log entry of the table; {_RESTORE}")
    return None


def _checkpoint(log: str, version: int) -> str:
    return f"{log}/{version:020d}.checkpoint.parquet"


def _hinted_version(folder: Objects, log: str) -> int:
    """Return the version that `_last_checkpoint` names; -1 without a readable one, which every client ignores."""
    stored = folder.find(f"{log}/_last_checkpoint")
    try:
        return int(json.loads(stored.data)["version"]) if stored else -1
    except (ValueError, KeyError, TypeError):
        return -1


def _damaged_checkpoint(folder: Objects, log: str, version: int, problem: str, *, complete: bool) -> TableDamagedError:
    place, hint = folder.place(_checkpoint(log, version)), folder.place(f"{log}/_last_checkpoint")
    remedy = (
        f"all entries of the log exist, so delete {hint} and this file, if it exists, and start again"
        if complete
        else _RESTORE
    )
    return TableDamagedError(f"{place} {problem}, a checkpoint of the table's log; {remedy}")


def _problem_of_checkpoint(folder: Objects, path: str) -> str:
    stored = folder.find(path)
    try:
        if stored is not None:
            pq.ParquetFile(pa.BufferReader(stored.data))
    except (pa.ArrowInvalid, OSError):
        return "is not a complete Parquet file"
    return ""


def _problem_of_entry(folder: Objects, path: str) -> str:
    stored = folder.find(path)
    if stored is None:
        # Listed a moment ago: cleaned up meanwhile, or the store is wrong for a moment.
        return ""
    if not stored.data.strip():
        return "is empty"
    try:
        for line in stored.data.splitlines():
            json.loads(line)
    except ValueError:
        return "is not complete"
    return ""


def _damaged_data(folder: Objects, name: str, table: DeltaTable) -> TableDamagedError | None:
    files = pa.table(table.get_add_actions(flatten=True))
    if not files.num_rows:
        return None
    stored = {listed.path: listed.size for listed in folder.list_objects(name)}
    for path, size in zip(files.column("path").to_pylist(), files.column("size_bytes").to_pylist(), strict=True):
        found = stored.get(f"{name}/{path}")
        if found != size:
            problem = "is missing" if found is None else f"has {found} bytes instead of {size}"
            return TableDamagedError(
                f"{folder.place(f'{name}/{path}')} {problem}, a data file of the table; {_RESTORE}"
            )
    return None
