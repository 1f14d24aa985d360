"""Changes to the log of a Delta table in a local directory, as other programs or accidents make them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def entries(table: Path) -> list[Path]:
    """Return the log entries, oldest first."""
    return sorted((table / "_delta_log").glob("*.json"))


def checkpoint(table: Path) -> Path:
    """Return the newest checkpoint."""
    return max((table / "_delta_log").glob("*.checkpoint.parquet"))


def cut(file: Path, size: int) -> None:
    """Truncate a file."""
    file.write_bytes(file.read_bytes()[:size])


def change_metadata(table: Path, **changes: Any) -> None:
    """Append a commit that changes attributes of the table's metadata, such as its `description`."""
    _append(table, {"metaData": {**_newest(table, "metaData"), **changes}})


def switch_on(
    table: Path, *, reader: Sequence[str] = (), writer: Sequence[str] = (), properties: Mapping[str, str] | None = None
) -> None:
    """Append a commit that adds table features and properties, as `ALTER TABLE` in Spark does."""
    versions: dict[str, Any] = {"minReaderVersion": 3 if reader else 1, "minWriterVersion": 7}
    features = {"readerFeatures": [*reader]} if reader else {}
    metadata = _newest(table, "metaData")
    metadata["configuration"] = {**metadata["configuration"], **(properties or {})}
    writers = {"writerFeatures": ["appendOnly", "invariants", *reader, *writer]}
    _append(table, {"protocol": {**versions, **features, **writers}}, {"metaData": metadata})


def _append(table: Path, *actions: Mapping[str, Any]) -> None:
    version = len(entries(table))
    lines = ({"commitInfo": {"timestamp": 0, "operation": "SET TBLPROPERTIES"}}, *actions)
    (table / "_delta_log" / f"{version:020d}.json").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _newest(table: Path, action: str) -> dict[str, Any]:
    found = [
        parsed[action]
        for entry in entries(table)
        for line in entry.read_text().splitlines()
        if action in (parsed := json.loads(line))
    ]
    newest: dict[str, Any] = found[-1]
    return newest
