"""The answer to a poll, made once for all who look in the same second at what was read at the same time."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime

from detection_page.state import Sight, state_view

_Key = tuple[object, ...]


class StateCache:
    """Keeps the newest answer of each kind."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._answers: dict[tuple[str, frozenset[str]], tuple[_Key, bytes, str]] = {}

    def get(self, span: str, sight: Sight, visible_dags: frozenset[str]) -> tuple[bytes, str]:
        """Return the answer as JSON, and its ETag: that stays as long as nothing but the time has changed."""
        now = self._now()
        seen = (sight.lake, sight.tables, sight.dags, sight.jobs)
        key = (int(now.timestamp()), *((one.version, one.error) for one in seen))
        kept = self._answers.get((span, visible_dags))
        if kept is None or kept[0] != key:
            view = state_view(now, span, sight, visible_dags)
            etag = f'"{hashlib.sha256(json.dumps(view).encode()).hexdigest()[:16]}"'
            read_at = sight.lake.read_at.timestamp() if sight.lake.read_at else None
            body = json.dumps(
                {"now": now.timestamp(), "read_at": read_at, **view}, allow_nan=False, separators=(",", ":")
            ).encode()
            kept = (key, body, etag)
            self._answers[span, visible_dags] = kept
        return kept[1], kept[2]
