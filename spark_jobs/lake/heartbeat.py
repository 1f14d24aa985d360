"""`state/detector.json`: the detector's heartbeat, which shows its progress without Spark."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from spark_jobs.errors import HeartbeatUnreadableError
from spark_jobs.lake.layout import HEARTBEAT

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class Heartbeat:
    """The detector's progress.

    Attributes:
        started_at: when this detector started.
        updated_at: when this was written.
        committed_line: all lines below it are in the state.
        landed_line: all lines below it are in the landing zone.
        waiting: detections that wait until their file is full.
        importance_etag: ETag of the importance file in use, "" without one.
        last_batch_seconds: from the start of the last micro-batch to its commit.
        batches: micro-batches committed since the start.
        detections: by pattern id, of all time.
        transactions_without_gender: in the latest chunks without any known gender; 0 if the last chunk has one.
        version: release of the detector.
        rules_version: version of the rules in force.
        rules_from_line: the line from which on they are.
        refused_rules_version: the newest version, if it is invalid and not in force; 0 for none.
        refused_rules_reason: why; also why newer versions cannot be looked for; "" for none.
        thresholds: of the command line; they change version 0 of the rules only.
    """

    started_at: datetime
    updated_at: datetime
    committed_line: int
    landed_line: int
    waiting: int = 0
    importance_etag: str = ""
    last_batch_seconds: float = 0.0
    batches: int = 0
    detections: Mapping[str, int] = field(default_factory=dict)
    transactions_without_gender: int = 0
    version: str = ""
    rules_version: int = 0
    rules_from_line: int = 0
    refused_rules_version: int = 0
    refused_rules_reason: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def lag_lines(self) -> int:
        """Lines that are landed but not committed."""
        return self.landed_line - self.committed_line


def read_heartbeat(lake: "Objects") -> Heartbeat | None:
    """Return the lake's heartbeat, or None before the detector's first start.

    Raises:
        HeartbeatUnreadableError: it is not what this release writes.
    """
    stored = lake.find(HEARTBEAT)
    return parse_heartbeat(stored.data, lake.place(HEARTBEAT)) if stored else None


def write_heartbeat(lake: "Objects", heartbeat: Heartbeat) -> None:
    """Write the lake's heartbeat."""
    lake.write(HEARTBEAT, format_heartbeat(heartbeat))


def format_heartbeat(heartbeat: Heartbeat) -> bytes:
    """Return the heartbeat as a JSON object of its attributes and `lag_lines`."""
    content = asdict(heartbeat) | {
        "started_at": heartbeat.started_at.isoformat(),
        "updated_at": heartbeat.updated_at.isoformat(),
        "lag_lines": heartbeat.lag_lines,
        "detections": dict(heartbeat.detections),
        "thresholds": dict(heartbeat.thresholds),
    }
    return json.dumps(content, indent=1).encode()


def parse_heartbeat(data: bytes, place: str) -> Heartbeat:
    """Parse what `format_heartbeat` returns; `place` names the object in errors.

    Raises:
        HeartbeatUnreadableError: it is something else.
    """
    try:
        values = json.loads(data)
        return Heartbeat(
            started_at=datetime.fromisoformat(values["started_at"]),
            updated_at=datetime.fromisoformat(values["updated_at"]),
            committed_line=int(values["committed_line"]),
            landed_line=int(values["landed_line"]),
            waiting=int(values["waiting"]),
            importance_etag=str(values.get("importance_etag", "")),
            last_batch_seconds=float(values.get("last_batch_seconds", 0.0)),
            batches=int(values.get("batches", 0)),
            detections={str(name): int(count) for name, count in values.get("detections", {}).items()},
            transactions_without_gender=int(values.get("transactions_without_gender", 0)),
            version=str(values.get("version", "")),
            rules_version=int(values.get("rules_version", 0)),
            rules_from_line=int(values.get("rules_from_line", 0)),
            refused_rules_version=int(values.get("refused_rules_version", 0)),
            refused_rules_reason=str(values.get("refused_rules_reason", "")),
            thresholds={str(name): float(number) for name, number in values.get("thresholds", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{place}: not a heartbeat of this release ({error!r}); deploy DAGs and jobs of one release"
        raise HeartbeatUnreadableError(msg) from error
