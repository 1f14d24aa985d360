"""State that the DAGs keep between runs, in memory, with failures on demand."""

import json
from collections.abc import Callable
from typing import Any


class MemoryState:
    """A `StateStore`; `before_write` is called before each write, and may raise."""

    def __init__(self, before_write: Callable[[], None] = lambda: None) -> None:
        self.values: dict[str, str] = {}
        self._before_write = before_write

    def read(self, name: str) -> Any:
        return json.loads(self.values[name]) if name in self.values else None

    def write(self, name: str, value: Any) -> None:
        self._before_write()
        self.values[name] = json.dumps(value)
