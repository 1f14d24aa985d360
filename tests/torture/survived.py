"""What was tried and survived: the lines of the summary."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Survived:
    """One line of the summary.

    Attributes:
        chapter, what: what was tortured, and how.
        tried: how many ways were tried.
        failures: those that were not survived, with what to look for.
        note: what was measured or counted beside it.
        seconds: how long it took.
    """

    chapter: str
    what: str
    tried: int = 0
    failures: list[str] = field(default_factory=list)
    note: str = ""
    seconds: float = 0.0


def merged(parts: Iterable[Survived]) -> list[Survived]:
    """Return one line for all parts of the same chapter and name; their notes are counts, and are added."""
    lines: dict[tuple[str, str], Survived] = {}
    for part in parts:
        line = lines.setdefault((part.chapter, part.what), Survived(part.chapter, part.what, note=part.note))
        line.tried += part.tried
        line.failures += part.failures
        line.seconds = max(line.seconds, part.seconds)
    return list(lines.values())
