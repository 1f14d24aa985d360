"""The detector's heartbeat, `state/detector.json`, as the outside reads it."""

import json
from dataclasses import dataclass
from datetime import datetime


class HeartbeatError(ValueError):
    """Raised where a heartbeat cannot be read; the message names the object and the way out."""


@dataclass(frozen=True)
class Heartbeat:
    """What the detector said last.

    Attributes:
        updated_at: when it said so.
        waiting: detections that wait for their file.
    """

    started_at: datetime
    updated_at: datetime
    committed_line: int
    landed_line: int
    waiting: int


def parse_heartbeat(data: bytes, place: str) -> Heartbeat:
    """Read a heartbeat; `place` names it in errors.

    Raises:
        HeartbeatError: it is none.
    """
    try:
        values = json.loads(data)
        return Heartbeat(
            started_at=datetime.fromisoformat(values["started_at"]),
            updated_at=datetime.fromisoformat(values["updated_at"]),
            committed_line=int(values["committed_line"]),
            landed_line=int(values["landed_line"]),
            waiting=int(values["waiting"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{place}: no heartbeat of a detector that is known here ({error!r}); deploy DAGs and jobs of one version"
        raise HeartbeatError(msg) from error
