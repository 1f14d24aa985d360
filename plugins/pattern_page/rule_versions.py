"""The versions of a lake's rules: who published what, from which line on it was in force, and what it changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import RulesError
from spark_jobs.lake.heartbeat import read_heartbeat
from spark_jobs.lake.layout import RULES, rules_path
from spark_jobs.lake.rules import (
    BUILT_IN_RULES,
    PublishedRules,
    find_rules,
    published_versions,
    recorded_adoptions,
    verify_marks,
)
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.rules import diff_rules

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

# Older ones are shown by `rules list`.
_SHOWN = 50

# Returns the number that a commit to `state/pairs` has recorded under a name.
Marks = Callable[[str], int | None]


@dataclass(frozen=True)
class RulesVersion:
    """A published version, or version 0.

    Attributes:
        version: its number.
        rules: what it says; None if it is invalid.
        invalid: why it is.
        text: of its file.
        from_line: from which line on it was in force; None if it never was.
    """

    version: int
    rules: PublishedRules | None
    invalid: str = ""
    text: str = ""
    from_line: int | None = None


class RuleVersions:
    """Reads all versions of one lake's rules; each file is read once, because it never changes.

    Args:
        lake: the lake.
        open_marks: reads the newest version of `state/pairs`; returns its marks.
    """

    def __init__(self, lake: "Objects", open_marks: Callable[[], Marks]) -> None:
        self._lake = lake
        self._open_marks = open_marks
        # By version, with the time of its file: a lake may have been created anew.
        self._read: dict[int, tuple[datetime | None, RulesVersion]] = {}

    def read(self) -> list[RulesVersion]:
        """Return all versions in order.

        Raises:
            RulesError: a version is missing.
            StorageError, StorageRefusedError: they cannot be read.
        """
        newest = published_versions(self._lake)
        written = {found.path: found.modified_at for found in self._lake.list_objects(RULES)}
        from_lines = {one.version: one.from_line for one in recorded_adoptions(self._open_marks(), -1)}
        versions = [replace(self._built_in(), from_line=0)]
        for version in range(1, newest + 1):
            at = written.get(rules_path(version))
            if version not in self._read or self._read[version][0] != at:
                self._read[version] = at, self._find(version, versions)
            versions.append(replace(self._read[version][1], from_line=from_lines.get(version)))
        return versions

    def _built_in(self) -> RulesVersion:
        heartbeat = read_heartbeat(self._lake)
        thresholds = heartbeat.thresholds if heartbeat else {}
        numbers = ",".join(f"{name}={value:g}" for name, value in thresholds.items())
        changed = f" with --threshold {numbers}" if numbers else ""
        rules = replace(BUILT_IN_RULES, comment=BUILT_IN_RULES.comment + changed, rule_set=built_in_rules(thresholds))
        return RulesVersion(0, rules, text=rules.body)

    def _find(self, version: int, earlier: list[RulesVersion]) -> RulesVersion:
        """Read a version, and validate it as the detector does."""
        path = rules_path(version)
        stored = self._lake.find(path)
        text = stored.data.decode(errors="replace") if stored else ""
        try:
            rules = find_rules(self._lake, version)
            if rules:
                verify_marks((one.rules for one in earlier if one.rules), rules.rule_set, self._lake.place(path))
        except RulesError as error:
            return RulesVersion(version, None, str(error), text)
        return RulesVersion(version, rules, text=text)


def versions_payload(versions: list[RulesVersion]) -> dict[str, Any]:
    """Return the versions, newest first, and the patterns in force."""
    in_force = max((one for one in versions if one.from_line is not None), key=lambda one: one.version)
    patterns = in_force.rules.rule_set.patterns if in_force.rules else ()
    return {
        "in_force": in_force.version,
        "patterns": [
            {
                "id": pattern.id,
                "action": pattern.action,
                "subject": pattern.subject,
                "status": pattern.status,
                "conditions": [condition.text for condition in pattern.conditions],
            }
            for pattern in patterns
        ],
        "versions": [_version(one, in_force.version) for one in reversed(versions[-_SHOWN:])],
        "older": max(0, len(versions) - _SHOWN),
    }


def version_payload(versions: list[RulesVersion], version: int) -> dict[str, Any] | None:
    """Return the text of a version and what it changed since the last valid one, or None if it does not exist."""
    if not 0 <= version < len(versions):
        return None
    one = versions[version]
    before = next((earlier.rules for earlier in reversed(versions[:version]) if earlier.rules), None)
    diff = []
    if before and one.rules:
        names = (f"version {before.version}", f"version {version}")
        diff = diff_rules(before.rule_set, one.rules.rule_set, names)
    return {"version": version, "text": one.text, "diff": diff}


def _version(one: RulesVersion, in_force: int) -> dict[str, Any]:
    rules = one.rules
    return {
        "version": one.version,
        "published_at": rules.published_at.timestamp() if rules and rules.published_at else None,
        "author": rules.author if rules else "",
        "comment": rules.comment if rules else "",
        "from_line": one.from_line,
        "state": _state(one, in_force),
        "invalid": one.invalid,
    }


def _state(one: RulesVersion, in_force: int) -> str:
    if one.invalid:
        return "invalid"
    if one.version == in_force:
        return "in force"
    if one.from_line is not None:
        return "replaced"
    # Replaced before a micro-batch began, or not yet adopted.
    return "skipped" if one.version < in_force else "waiting"
