"""A report as text: whole for terminals, and the parts that other renderings share."""

from collections.abc import Iterable, Iterator, Sequence

from spark_jobs.lake.what_if_report import Compared, Example, PatternReport, WhatIfReport

COUNTS = ("same", "new", "gone", "earlier", "later")


def format_text(report: WhatIfReport) -> str:
    """Return the report: a table of counts, notes, and examples with evidence."""
    request = report.request
    in_force = ", ".join(f"version {one.version} from line {one.from_line:,}" for one in report.versions)
    lines = [
        f"{report.lake}, lines {request.from_line:,} to {request.through_line:,} ({report.chunks:,} chunks)",
        f"compared with what was found by {in_force}",
        "",
        *_table(report.patterns),
        "",
        *_legend(request.from_line, request.through_line),
        *(f"- {note}" for note in report.notes),
    ]
    for pattern in report.patterns:
        lines += _pattern_lines(pattern)
    return "\n".join(lines)


def _table(patterns: Sequence[PatternReport]) -> Iterator[str]:
    rows = [["pattern", "status", "recorded as", *COUNTS]]
    for one in patterns:
        rows.append([one.pattern, status_text(one), one.recorded_as, *(f"{getattr(one, name):,}" for name in COUNTS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        yield "  ".join([*texts, *numbers])


def status_text(one: PatternReport) -> str:
    """Return the status of a pattern, and the one before if it differs."""
    return one.status if one.status == one.status_before else f"{one.status_before} → {one.status}"


def _legend(from_line: int, through_line: int) -> Iterable[str]:
    yield "Counted by pattern, merchant and customer. What was reported before is not reported again;"
    yield f"a pattern whose conditions held at line {from_line:,} already is found at the first chunk that touches it;"
    yield f"gone means not found up to line {through_line:,}."


def _pattern_lines(pattern: PatternReport) -> Iterator[str]:
    """Yield what changed in a pattern, and its examples; nothing if nothing differs."""
    changed = pattern.conditions != pattern.conditions_before
    if not pattern.differences and not changed:
        return
    yield ""
    yield f"{pattern.pattern} ({status_text(pattern)}, recorded as {pattern.recorded_as})"
    if changed:
        yield f"  before: {' and '.join(pattern.conditions_before) or '-'}"
        yield f"  now:    {' and '.join(pattern.conditions) or '-'}"
    for example in pattern.examples:
        yield f"  {example_text(example)}"
        for one in example.evidence or example.evidence_before:
            yield f"    {compared_text(one)}"


def example_text(one: Example) -> str:
    """Return a difference: its kind, its subject, and where it was and is found."""
    subject = f"{one.merchant} {one.customer}".rstrip()
    if one.line is None:
        return f"{one.difference}: {subject}, found at line {one.line_before:,}"
    if one.line_before is None:
        held = ", held before" if one.held_before else ""
        return f"{one.difference}: {subject} at line {one.line:,}{held}"
    by = abs(one.line - one.line_before)
    return f"{one.difference}: {subject} at line {one.line:,} instead of {one.line_before:,} ({by:,} lines)"


def compared_text(one: Compared) -> str:
    """Return a condition with its value and its threshold."""
    value, threshold = ("no value" if side is None else f"{side:,.10g}" for side in (one.value, one.threshold))
    return f"{one.condition}: {value}, threshold {threshold}{'' if one.holds else ', does not hold'}"
