"""`what_if/<report>/report.json`: the result of a what-if, created once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import WhatIfError
from spark_jobs.lake.layout import WHAT_IF
from spark_jobs.lake.what_if_request import WhatIfRequest, build_request, parse_json, request_values

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

# Raised when readers of the one before could misread a report.
REPORT_FORMAT = 1


@dataclass(frozen=True)
class Compared:
    """A condition, evaluated.

    Attributes:
        condition: its text.
        value: its left side; None if that has no value.
        threshold: its right side, likewise.
        holds: whether it holds.
    """

    condition: str
    value: float | None
    threshold: float | None
    holds: bool


@dataclass(frozen=True)
class Example:
    """A difference.

    Attributes:
        difference: `new`, `gone`, `earlier` or `later`.
        merchant: its name.
        customer: its name; "" for a pattern of merchants.
        line: where the rules of the what-if find it; None if they do not.
        line_before: where it was found; None if it was not.
        held_before: whether its conditions held at `from_line` already, before any chunk of the range.
        evidence: the conditions of the rules of the what-if: where they find it, or, if it is gone, as of
            `through_line`; empty if they do not evaluate the pattern, or evaluate it of other subjects.
        evidence_before: the conditions by which it was found; empty if it was not.
    """

    difference: str
    merchant: str
    customer: str
    line: int | None
    line_before: int | None
    held_before: bool
    evidence: Sequence[Compared]
    evidence_before: Sequence[Compared]


@dataclass(frozen=True)
class PatternReport:
    """One pattern: what it reports (`active`) or records (`shadow`), counted by key.

    Attributes:
        pattern: its id.
        recorded_as: `active` for detections, `shadow` for rows of `state/shadow`.
        status_before: in the rules in force at `through_line`; `absent` if they do not have it.
        status: in the rules of the what-if, likewise.
        conditions_before: in the rules in force at `through_line`.
        conditions: in the rules of the what-if.
        same: found by both, at the same line.
        new: found by the rules of the what-if only.
        gone: not found by them up to `through_line`.
        earlier: found by both, at an earlier line by the rules of the what-if.
        later: the reverse.
        new_held_before: new ones whose conditions held at `from_line` already.
        examples: at most ten of each kind of difference, by line.
    """

    pattern: str
    recorded_as: str
    status_before: str
    status: str
    conditions_before: Sequence[str]
    conditions: Sequence[str]
    same: int
    new: int
    gone: int
    earlier: int
    later: int
    new_held_before: int
    examples: Sequence[Example]

    @property
    def differences(self) -> int:
        """The number of keys with a difference."""
        return self.new + self.gone + self.earlier + self.later


@dataclass(frozen=True)
class VersionInForce:
    """A version of the rules.

    Attributes:
        version: its number, 0 for the built-in rules.
        from_line: the line from which on it is in force.
    """

    version: int
    from_line: int


@dataclass(frozen=True)
class WhatIfReport:
    """The result of a what-if.

    Attributes:
        format: the version of this layout.
        lake: URL of the lake.
        request: what was asked.
        rules_sha256: of the text of the rules, in hexadecimal digits.
        chunks: the number of chunks in the range.
        versions: of the rules in force in the range, in order of line.
        patterns: in order of id; a pattern that goes from `shadow` to `active`, or back, has two entries.
        notes: remarks needed to judge the counts.
    """

    format: int
    lake: str
    request: WhatIfRequest
    rules_sha256: str
    chunks: int
    versions: Sequence[VersionInForce]
    patterns: Sequence[PatternReport]
    notes: Sequence[str]

    @property
    def next_version(self) -> int:
        """The version that the rules become if they are published."""
        return self.request.newest_version + 1


def report_path(report: str) -> str:
    """Return the path of a report."""
    return f"{WHAT_IF}/{report}/report.json"


def create_report(lake: "Objects", report: str, content: WhatIfReport) -> None:
    """Create the report of a request; one that exists is the same."""
    lake.create(report_path(report), format_report(content))


def find_report(lake: "Objects", report: str) -> WhatIfReport | None:
    """Return a report, or None if it does not exist (yet).

    Raises:
        WhatIfError: it is not what this release writes.
    """
    path = report_path(report)
    stored = lake.find(path)
    return parse_report(stored.data, lake.place(path)) if stored else None


def read_report(lake: "Objects", report: str) -> WhatIfReport:
    """Return a report.

    Raises:
        WhatIfError: it does not exist, or is not what this release writes.
    """
    found = find_report(lake, report)
    if found is None:
        msg = f"{lake.place(report_path(report))} does not exist; run what_if with --report {report} first"
        raise WhatIfError(msg)
    return found


def expire_reports(lake: "Objects", written_before: datetime) -> int:
    """Delete what was written before a time, with requests that never had a report; return the number of objects."""
    old = [found.path for found in lake.list_objects(WHAT_IF) if found.modified_at < written_before]
    lake.delete(old)
    return len(old)


def format_report(report: WhatIfReport) -> bytes:
    """Return a report as a JSON object of its attributes, nested as they are."""
    return json.dumps({**asdict(report), "request": request_values(report.request)}, indent=1).encode()


def parse_report(data: bytes, place: str) -> WhatIfReport:
    """Parse what `format_report` returns; `place` names the object in errors.

    Raises:
        WhatIfError: it is something else.
    """
    return parse_json(data, place, _report)


def _report(values: Mapping[str, Any]) -> WhatIfReport:
    if values["format"] != REPORT_FORMAT:
        msg = f"format {values['format']}, this release reads {REPORT_FORMAT}"
        raise ValueError(msg)
    return WhatIfReport(
        **{
            **values,
            "request": build_request(values["request"]),
            "versions": [VersionInForce(**one) for one in values["versions"]],
            "patterns": [_pattern(one) for one in values["patterns"]],
        }
    )


def _pattern(values: Mapping[str, Any]) -> PatternReport:
    return PatternReport(**{**values, "examples": [_example(one) for one in values["examples"]]})


def _example(values: Mapping[str, Any]) -> Example:
    compared = {name: [Compared(**one) for one in values[name]] for name in ("evidence", "evidence_before")}
    return Example(**{**values, **compared})
