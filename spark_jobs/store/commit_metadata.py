"""Metadata of commits: `deltalake` writes keys beside those of Delta, and Spark one text, which is JSON here."""

import json
from collections.abc import Mapping
from typing import Any

from deltalake import DeltaTable

from spark_jobs.store.delta import retry_delta

# Lets a writer recognize its own commit when the response was lost.
COMMIT_ID = "commitId"
# Compactions and maintenance, whose commits have no metadata, come one at a time.
_COMMITS = 20


def last_metadata(table: DeltaTable, key: str, commits: int = _COMMITS) -> str | None:
    """Return the value of `key` in the last commit that has it, among the newest ones.

    Raises:
        StorageError: the store failed.
    """
    history = retry_delta(table.table_uri.rstrip("/"), lambda: table.history(limit=commits))
    found = (_user_metadata(commit) | commit for commit in history)
    return next((str(commit[key]) for commit in found if key in commit), None)


def _user_metadata(commit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a commit of Spark; {} for others."""
    try:
        found = json.loads(commit.get("userMetadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
