"""A what-if from request to report: try other rules on landed chunks, and compare with the recorded detections."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from logging import Logger

from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.found import Found, read_found
from spark_jobs.lake.importance import read_importance, weigher
from spark_jobs.lake.landing import Landing, list_chunks, open_landing
from spark_jobs.lake.past_state import read_pairs_at
from spark_jobs.lake.recorded_settings import read_recorded_settings
from spark_jobs.lake.rules import published_versions, read_adopted, valid_rules, verify_marks
from spark_jobs.lake.start_lines import first_kept_chunk, read_start
from spark_jobs.lake.what_if_differences import DifferenceRow, create_differences
from spark_jobs.lake.what_if_report import (
    REPORT_FORMAT,
    PatternReport,
    VersionInForce,
    WhatIfReport,
    create_report,
    find_report,
)
from spark_jobs.lake.what_if_request import WhatIfRequest, claim_request
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.rules import RuleSet, parse_rules
from spark_jobs.store.objects import Objects, open_objects
from spark_jobs.what_if.pattern_reports import Outcome, pattern_reports
from spark_jobs.what_if.read_ahead import read_ahead
from spark_jobs.what_if.request import Asked, make_request
from spark_jobs.what_if.trial import Trial


@dataclass(frozen=True)
class WhatIfSettings:
    """The settings of a what-if.

    Attributes:
        lake: URL of the lake.
        landing_format: `csv` or `delta`.
        importance: URL of the importance file; None if weights come with the transactions.
        asked: the range.
        rules: the text of the rules, TOML.
        rules_place: names the rules in errors.
        report: id under which the report is recorded in the lake; None to record nothing.
    """

    lake: str
    landing_format: str
    importance: str | None
    asked: Asked
    rules: str
    rules_place: str
    report: str | None


def run(settings: WhatIfSettings, now: Callable[[], datetime], log: Logger) -> WhatIfReport:
    """Return the report; recorded under an id, it is the same at every call.

    Raises:
        RulesError: the rules are malformed, or have more patterns than the lake has room for.
        ReplayError: the state or the chunks of the first line are not kept; names the nearest line of which both are.
        WhatIfError: nothing was committed in the range, or the id belongs to another request.
        PipelineError: any other of the lake.
    """
    rules = parse_rules(settings.rules.encode(), settings.rules_place)
    lake = open_objects(settings.lake)
    verify_marks(valid_rules(lake, published_versions(lake) + 1), rules, settings.rules_place)
    landing = open_landing(settings.landing_format, lake)
    importance = read_importance(settings.importance)
    request = make_request(lake, landing, settings.asked, settings.rules, importance.etag, now())
    if settings.report:
        request = claim_request(lake, settings.report, request)
        recorded = find_report(lake, settings.report)
        if recorded:
            return recorded
    started = time.monotonic()
    state = _read_state(lake, landing, request)
    trial = Trial(state, rules, lambda: request.requested_at, weigher(importance.weights))
    chunks = list_chunks(landing, lake.url, request.from_line, request.through_line)
    fields = {"from_line": request.from_line, "through_line": request.through_line}
    log.info("what-if started", extra={"fields": {**fields, "chunks": len(chunks), "pairs": len(state)}})
    for sums in read_ahead(landing, chunks):
        trial.advance(sums)
    found = read_found(lake, request.from_line, request.through_line)
    outcome = trial.outcome(_rules_in_force(lake, found), found.detections, found.shadow)
    report = _report(lake, request, found, len(chunks), pattern_reports(outcome))
    if settings.report:
        create_differences(lake, settings.report, list(_rows(outcome)))
        create_report(lake, settings.report, report)
    seconds = round(time.monotonic() - started, 3)
    log.info("what-if ended", extra={"fields": {**fields, "found": len(trial.found), "seconds": seconds}})
    return report


def _read_state(lake: Objects, landing: Landing, request: WhatIfRequest) -> PairState:
    first_chunk = first_kept_chunk(landing, request.through_line)
    if request.from_line == first_chunk == 0:
        return PairState()
    return read_start(lake, request.from_line, first_chunk, read_pairs_at)


def _rules_in_force(lake: Objects, found: Found) -> RuleSet:
    """Return the rules in force at the last line."""
    if found.adoptions:
        return read_adopted(lake, found.adoptions[-1]).rule_set
    recorded = read_recorded_settings(lake)
    return built_in_rules(recorded.thresholds if recorded else {})


def _rows(outcome: Outcome) -> Iterator[DifferenceRow]:
    for status, comparisons in outcome.compared.items():
        for name in sorted(comparisons):
            for one in comparisons[name].differences:
                yield DifferenceRow(one.kind, status, one.before, one.after, one.key in outcome.held)


def _report(
    lake: Objects, request: WhatIfRequest, found: Found, chunks: int, patterns: list[PatternReport]
) -> WhatIfReport:
    versions = [VersionInForce(one.version, one.from_line) for one in found.adoptions]
    if not versions or versions[0].from_line > request.from_line:
        versions.insert(0, VersionInForce(0, 0))
    notes = [
        f"{one.pattern}: {one.new_held_before:,} of {one.new:,} new ones held at line {request.from_line:,} already;"
        " each is found at the first chunk from there on that touches it."
        for one in patterns
        if one.new_held_before
    ]
    if len(versions) > 1:
        notes.append("The rules changed within these lines; the comparison is with what each version found.")
    return WhatIfReport(
        format=REPORT_FORMAT,
        lake=lake.url,
        request=request,
        rules_sha256=hashlib.sha256(request.rules.encode()).hexdigest(),
        chunks=chunks,
        versions=versions,
        patterns=patterns,
        notes=[*request.notes, *notes],
    )
