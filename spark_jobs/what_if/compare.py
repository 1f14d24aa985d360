"""Comparing what other rules find with what was found, by the key under which a detection is reported once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from spark_jobs.patterns.detections import Detection


class Kind(StrEnum):
    """How the two outcomes of a key differ."""

    NEW = "new"
    GONE = "gone"
    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True)
class Difference:
    """A key with two outcomes.

    Attributes:
        kind: the difference.
        before: what was found; None if new.
        after: what the other rules find; None if gone.
    """

    kind: Kind
    before: Detection | None
    after: Detection | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Pattern, merchant and customer."""
        one = self.after or self.before
        assert one
        return one.key

    @property
    def line(self) -> int:
        """The line at which the other rules find it, or at which it was found if they do not."""
        one = self.after or self.before
        assert one
        return one.line


@dataclass
class Comparison:
    """The outcomes of one pattern.

    Attributes:
        same: keys found at the same line by both.
        differences: of all other keys, in order of line, merchant and customer.
    """

    same: int = 0
    differences: list[Difference] = field(default_factory=list)

    def of(self, kind: Kind) -> list[Difference]:
        """Return the differences of one kind, in order."""
        return [difference for difference in self.differences if difference.kind is kind]


def compare(before: Iterable[Detection], after: Iterable[Detection]) -> dict[str, Comparison]:
    """Return the comparison of each pattern that occurs, by id; of several detections of a key, the first counts."""
    found, finds = _first_by_key(before), _first_by_key(after)
    compared: dict[str, Comparison] = {}
    for key in found.keys() | finds.keys():
        of_pattern = compared.setdefault(key[0], Comparison())
        difference = _difference(found.get(key), finds.get(key))
        if difference:
            of_pattern.differences.append(difference)
        else:
            of_pattern.same += 1
    for of_pattern in compared.values():
        of_pattern.differences.sort(key=lambda one: (one.line, *one.key))
    return compared


def _difference(before: Detection | None, after: Detection | None) -> Difference | None:
    if before is None:
        return Difference(Kind.NEW, before, after)
    if after is None:
        return Difference(Kind.GONE, before, after)
    if before.line == after.line:
        return None
    return Difference(Kind.EARLIER if after.line < before.line else Kind.LATER, before, after)


def _first_by_key(detections: Iterable[Detection]) -> dict[tuple[str, str, str], Detection]:
    first: dict[tuple[str, str, str], Detection] = {}
    for detection in detections:
        known = first.get(detection.key)
        if known is None or detection.line < known.line:
            first[detection.key] = detection
    return first
