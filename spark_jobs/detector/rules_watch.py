"""The rules at a start, and looking for newer versions beside the processing of micro-batches."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from logging import Logger

from spark_jobs.errors import PipelineError, RulesError
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.layout import rules_path
from spark_jobs.lake.rules import (
    PublishedRules,
    RecordedAdoption,
    find_rules,
    read_adopted,
    valid_rules,
    verify_marks,
)
from spark_jobs.patterns.schedule import Adoption
from spark_jobs.store.objects import Objects

_SECONDS_BETWEEN_POLLS = 1.0


class RulesWatch:
    """Finds the next version of a lake's rules; one that is invalid is skipped, and the last good one stays.

    Args:
        lake: the lake.
        version: the newest version that has been adopted.
        thresholds: of the command line, which published rules replace.
        log: gets one warning for each invalid version.
    """

    def __init__(self, lake: Objects, version: int, thresholds: Mapping[str, float], log: Logger) -> None:
        self._lake = lake
        self._next = version + 1
        self._thresholds = thresholds
        self._log = log
        self._lock = threading.Lock()
        self._found: PublishedRules | None = None
        self._refused = (0, "")
        self._failure = ""
        self._polled = -_SECONDS_BETWEEN_POLLS
        if version:
            warn_of_thresholds(thresholds, version, log)

    def poll(self) -> None:
        """Look for newer versions, at most once a second; a failing store is reported, and asked again next time."""
        if time.monotonic() - self._polled >= _SECONDS_BETWEEN_POLLS:
            self.look()
            self._polled = time.monotonic()

    def look(self) -> None:
        """Look for newer versions now."""
        try:
            while self._look():
                self._next += 1
            self._failure = ""
        except PipelineError as error:
            # The rules in force stay; readers of the heartbeat see why there are no newer ones.
            if not self._failure:
                self._log.warning("cannot look for rules", extra={"fields": {"error": str(error)}})
            self._failure = str(error)

    def take(self) -> PublishedRules | None:
        """Return the newest valid version, once."""
        with self._lock:
            found, self._found = self._found, None
        return found

    def noted_in(self, progress: Heartbeat) -> Heartbeat:
        """Return the heartbeat with the version that is refused, if the newest one is."""
        version, reason = self._refused
        return replace(progress, refused_rules_version=version, refused_rules_reason=reason or self._failure)

    def _look(self) -> bool:
        """Return whether the next version exists."""
        version = self._next
        try:
            rules = find_rules(self._lake, version)
            if rules is None:
                return False
            verify_marks(valid_rules(self._lake, version), rules.rule_set, self._lake.place(rules_path(version)))
        except RulesError as error:
            self._refused = (version, str(error))
            fields = {"rules_version": version, "error": str(error)}
            self._log.warning("rules refused, the last good ones stay in force", extra={"fields": fields})
            return True
        if version == 1:
            warn_of_thresholds(self._thresholds, version, self._log)
        with self._lock:
            self._found = rules
        self._refused = (0, "")
        return True


def warn_of_thresholds(thresholds: Mapping[str, float], version: int, log: Logger) -> None:
    """Warn that thresholds of the command line do not apply to published rules."""
    if thresholds:
        fields = {"thresholds": dict(thresholds), "rules_version": version}
        log.warning("--threshold is ignored: published rules are in force", extra={"fields": fields})


def read_schedule(lake: Objects, recorded: list[RecordedAdoption]) -> tuple[Adoption, ...]:
    """Return recorded adoptions with their rules.

    Raises:
        RulesError: a version is missing, or not the one that was adopted.
    """
    return tuple(Adoption(one.version, one.from_line, read_adopted(lake, one).rule_set) for one in recorded)
