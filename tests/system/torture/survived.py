"""The lines of the summary."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Survived:
    """One line of the summary.

    Attributes:
        chapter, what: the chapter and the case.
        tried: the number of trials.
        failures: a description of each failed trial.
        note: further measurements.
        seconds: the duration.
    """

    chapter: str
    what: str
    tried: int = 0
    failures: list[str] = field(default_factory=list)
    note: str = ""
    seconds: float = 0.0


def merged(parts: Iterable[Survived]) -> list[Survived]:
    """Merge the lines of the same chapter and case: trials and failures add up, the longest duration counts."""
    lines: dict[tuple[str, str], Survived] = {}
    for part in parts:
        line = lines.setdefault((part.chapter, part.what), Survived(part.chapter, part.what, note=part.note))
        line.tried += part.tried
        line.failures += part.failures
        line.seconds = max(line.seconds, part.seconds)
    return list(lines.values())
