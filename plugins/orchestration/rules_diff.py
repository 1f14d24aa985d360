"""The report of a what-if as Markdown, for the person who approves a change of the rules."""

import difflib
import re
from collections.abc import Iterator

from orchestration.message_text import plain
from spark_jobs.lake.what_if_report import PatternReport, WhatIfReport, report_path
from spark_jobs.what_if.text import COUNTS, compared_text, example_text, status_text

# Of the whole text, which Airflow keeps in its database and sends to each browser.
_MAX_CHARACTERS = 60_000
# Of one line, whose names of merchants and customers may have any length.
_LINE_CHARACTERS = 400
# Examples of the other differences are in the report.
_SHOWN = ("new", "gone")


def describe_change(report: WhatIfReport, report_id: str, comment: str, requested_by: str) -> str:
    """Return who asks for what and why, the counts by pattern, notes, examples with evidence, and the rules.

    Everything that may be data is shown as code, so that no markup in it is rendered.
    """
    rules = _fenced("toml", report.request.rules)
    top = [*_head(report, comment, requested_by), *_table(report), "", *_legend(report)]
    changed = [(_changes(one), _examples(one)) for one in report.patterns if one.differences or _is_changed(one)]
    # Of the examples only as many are shown as there is room for.
    room = _MAX_CHARACTERS - sum(map(len, [*top, *(changes for changes, _ in changed), rules]))
    lines, left_out = top, False
    for changes, examples in changed:
        shown = []
        for example in examples:
            room -= len(example) + 1
            left_out = left_out or room < 0
            if not left_out:
                shown.append(example)
        lines += [changes, *(["", _fenced("text", "\n".join(shown))] if shown else [])]
    if left_out:
        lines += ["", f"More examples are in `{report.lake}/{report_path(report_id)}`."]
    return "\n".join([*lines, "", "#### The rules", "", rules])


def _head(report: WhatIfReport, comment: str, requested_by: str) -> Iterator[str]:
    request = report.request
    in_force = ", ".join(f"version {one.version} from line {one.from_line:,}" for one in report.versions)
    asks = f"{_code(requested_by)} asks" if requested_by else "Somebody asks"
    yield f"{asks} to publish the rules below as version {report.next_version}: {_code(comment)}"
    yield ""
    yield f"They were tried on lines {request.from_line:,} to {request.through_line:,} ({report.chunks:,} chunks), and"
    yield f"are compared with what was found by {in_force}."
    yield ""


def _table(report: WhatIfReport) -> Iterator[str]:
    yield f"| pattern | status | recorded as | {' | '.join(COUNTS)} |"
    yield f"| --- | --- | --- |{' ---: |' * len(COUNTS)}"
    for one in report.patterns:
        counts = " | ".join(f"{getattr(one, name):,}" for name in COUNTS)
        yield f"| `{one.pattern}` | {status_text(one)} | {one.recorded_as} | {counts} |"


def _legend(report: WhatIfReport) -> Iterator[str]:
    yield f"- *Gone* is what the new rules do not find up to line {report.request.through_line:,}."
    yield "- Detections that were reported stay, and are not reported again."
    if not any(one.differences or _is_changed(one) for one in report.patterns):
        yield "- **No condition and no status changes, and nothing differs.**"
    for note in report.notes:
        yield f"- {_line(note)}"


def _is_changed(pattern: PatternReport) -> bool:
    return (pattern.status, pattern.conditions) != (pattern.status_before, pattern.conditions_before)


def _changes(pattern: PatternReport) -> str:
    """Return the heading of a pattern with its counts, and the conditions that change as a diff."""
    recorded = "" if pattern.recorded_as == pattern.status else f", recorded as {pattern.recorded_as}"
    counts = ", ".join(f"{getattr(pattern, name):,} {name}" for name in COUNTS[1:] if getattr(pattern, name))
    heading = f"\n#### `{pattern.pattern}`, {status_text(pattern)}{recorded}{': ' if counts else ''}{counts}"
    if pattern.conditions == pattern.conditions_before:
        return heading
    before, now = (list(map(_line, conditions)) for conditions in (pattern.conditions_before, pattern.conditions))
    # Lines with a question mark point at characters.
    diff = "\n".join(line for line in difflib.ndiff(before, now) if not line.startswith("?"))
    return f"{heading}\n\n{_fenced('diff', diff)}"


def _examples(pattern: PatternReport) -> Iterator[str]:
    """Yield the examples of a pattern, each with the values and the thresholds of its conditions."""
    for example in pattern.examples:
        if example.difference in _SHOWN:
            evidence = example.evidence or example.evidence_before
            yield "\n    ".join([_line(example_text(example)), *(_line(compared_text(one)) for one in evidence)])


def _line(text: str) -> str:
    return plain(text, _LINE_CHARACTERS)


def _code(text: str) -> str:
    """Return text as a code span, whatever it contains."""
    shown = _line(text)
    fence = "`" * (_longest_backticks(shown) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


def _fenced(language: str, text: str) -> str:
    """Return text as a block of code, whatever it contains."""
    fence = "`" * max(3, _longest_backticks(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _longest_backticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
