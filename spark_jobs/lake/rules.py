"""`rules/<version>.toml`: the published versions of a lake's rules, and the record of their adoption in `state/pairs`.

A version is created once and never changed; versions are consecutive from 1. The file is a table `[version]`, an empty
line, and the text that was published.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import RulesError, RulesRaceLostError
from spark_jobs.kernel.reported import MAX_PATTERNS
from spark_jobs.lake.layout import RULES, rules_path, rules_version
from spark_jobs.patterns.built_in import BUILT_IN, BUILT_IN_TOML
from spark_jobs.patterns.rules import RuleSet, parse_rules, parse_toml, rules_from

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

_KEYS = ("author", "comment", "published_at")
_REVIEW_KEYS = ("report", "requested_by", "approved_at")
# Names of the marks in `state/pairs`.
_NEWEST = "rules"


@dataclass(frozen=True)
class Review:
    """The review that a version has passed before its author approved it.

    Attributes:
        report: id of the report of the what-if, at whose start `newest_version` was the newest version.
        requested_by: who asked for the change; "" if unknown.
        approved_at: with UTC offset; None if unknown.
    """

    report: str
    newest_version: int
    requested_by: str = ""
    approved_at: datetime | None = None


@dataclass(frozen=True)
class PublishedRules:
    """A version of a lake's rules.

    Attributes:
        version: from 1; 0 are the built-in rules.
        author, comment: as given by the publisher.
        published_at: with UTC offset; None for the built-in rules.
        body: the text that was published.
        rule_set: what it says.
        digest: the first 63 bits of the file's SHA-256.
        review: None if it was published without one.
    """

    version: int
    author: str
    comment: str
    published_at: datetime | None
    body: str
    rule_set: RuleSet
    digest: int
    review: Review | None = None


BUILT_IN_RULES = PublishedRules(0, "", "the built-in rules", None, BUILT_IN_TOML.decode(), BUILT_IN, 0)


@dataclass(frozen=True)
class RecordedAdoption:
    """The record that a version is in force from `from_line` on, until the next one is; `digest` is of its file."""

    version: int
    from_line: int
    digest: int


def format_rules(body: bytes, author: str, comment: str, published_at: datetime, review: Review | None) -> bytes:
    """Return the file of a version."""
    texts, times = {"author": author, "comment": comment}, {"published_at": published_at}
    if review:
        texts |= {"report": review.report, "requested_by": review.requested_by}
        times |= {"approved_at": review.approved_at} if review.approved_at else {}
    # Strings of JSON are strings of TOML.
    values = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in texts.items()]
    values += [f"{key} = {time.isoformat()}" for key, time in times.items()]
    return "\n".join(["[version]", *values]).encode() + b"\n\n" + body


def parse_published(data: bytes, version: int, place: str) -> PublishedRules:
    """Parse what `format_rules` returns; `place` names the file in errors.

    Raises:
        RulesError: it is something else, or its rules are malformed.
    """
    content = parse_toml(data, place)
    found = content.pop("version", None)
    header = found if isinstance(found, dict) else {}
    published_at = header.get("published_at")
    if set(header) - set(_REVIEW_KEYS) != set(_KEYS) or not isinstance(published_at, datetime):
        msg = f"{place}: does not begin with [version] and {', '.join(_KEYS)}; publish rules with `rules publish`"
        raise RulesError(msg)
    body = data.decode().partition("\n\n")[2]
    rule_set = rules_from(content, place)
    author, comment, requested_by = (str(header.get(key, "")) for key in ("author", "comment", "requested_by"))
    report = header.get("report")
    review = Review(report, version - 1, requested_by, header.get("approved_at")) if report else None
    return PublishedRules(version, author, comment, published_at, body, rule_set, _digest(data), review)


def read_rules_file(path: str) -> tuple[bytes, RuleSet]:
    """Return the bytes of a local file of rules, and what they say.

    Raises:
        RulesError: it cannot be read, or is malformed.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name a file of rules"
        raise RulesError(msg) from error
    return data, parse_rules(data, path)


def find_rules(lake: "Objects", version: int) -> PublishedRules | None:
    """Return a published version, or None if it does not exist; 0 are the built-in rules.

    Raises:
        RulesError: it is malformed.
    """
    if version == 0:
        return BUILT_IN_RULES
    path = rules_path(version)
    stored = lake.find(path)
    return parse_published(stored.data, version, lake.place(path)) if stored else None


def published_versions(lake: "Objects") -> int:
    """Return the newest version, 0 if none is published.

    Raises:
        RulesError: a version below it is missing.
    """
    versions = [found for path in lake.list_after(RULES, "") if (found := rules_version(path)) is not None]
    missing = next((number for number, found in enumerate(sorted(versions), 1) if number != found), None)
    if missing is not None:
        path = lake.place(rules_path(missing))
        msg = f"{path} is missing, but later versions exist; restore it from the bucket's versions"
        raise RulesError(msg)
    return len(versions)


def valid_rules(lake: "Objects", below: int) -> list[PublishedRules]:
    """Return the valid versions below a version, the built-in rules first; malformed ones are never in force."""
    found = []
    for version in range(below):
        try:
            rules = find_rules(lake, version)
        except RulesError:
            # Reported when this version itself is read.
            continue
        if rules:
            found.append(rules)
    return found


def verify_marks(earlier: Iterable[PublishedRules], rule_set: RuleSet, place: str) -> None:
    """Verify that a pair has room to mark all patterns that were ever evaluated.

    Raises:
        RulesError: there would be more than 16; a shadow pattern counts as one of its own.
    """
    used = {pattern.mark for rules in earlier for pattern in rules.rule_set.evaluated}
    marks = used | {pattern.mark for pattern in rule_set.evaluated}
    if len(marks) > MAX_PATTERNS:
        msg = (
            f"{place}: {len(marks)} patterns over the life of the lake, where each id counts once when active and once"
            f" in shadow; a pair has room for {MAX_PATTERNS}: change a pattern that was used, {', '.join(sorted(used))}"
        )
        raise RulesError(msg)


def publish_rules(
    lake: "Objects", body: bytes, author: str, comment: str, now: datetime, review: Review | None = None
) -> PublishedRules:
    """Publish the next version, after validating it.

    Args:
        lake: the lake.
        body: the text, TOML.
        author, comment: recorded with the version.
        now: with UTC offset.
        review: recorded with the version; its newest version must still be the newest one, so that this call, if
            repeated, publishes one version.

    Raises:
        RulesError: malformed, equal to the newest version, with too many ids, or another version was published since
            the review; nothing was published.
        RulesRaceLostError: another publisher was first; nothing was published.
    """
    version = published_versions(lake) + 1
    if review and version != review.newest_version + 1:
        return _already_published(lake, body, author, comment, review.newest_version + 1)
    path = rules_path(version)
    data = format_rules(body, author, comment, now, review)
    rules = parse_published(data, version, "the rules")
    earlier = valid_rules(lake, version)
    if earlier[-1].rule_set == rules.rule_set:
        msg = f"the rules are equal to version {earlier[-1].version}, the newest one; nothing was published"
        raise RulesError(msg)
    verify_marks(earlier, rules.rule_set, "the rules")
    if not lake.create(path, data):
        # This call may have lost to its own earlier attempt, whose response was lost.
        found = lake.find(path)
        if found is None or found.data != data:
            msg = (
                f"{lake.place(path)}: another publisher created it first, and nothing was published;"
                f" look at it with `rules show {version}`, and publish again"
            )
            raise RulesRaceLostError(msg)
    return rules


def _already_published(lake: "Objects", body: bytes, author: str, comment: str, version: int) -> PublishedRules:
    """Return a version that an earlier attempt has published; raise RulesError if it is another's."""
    found = find_rules(lake, version)
    if found is None or (found.body.encode(), found.author, found.comment) != (body, author, comment):
        msg = (
            f"{lake.place(rules_path(version))} was published meanwhile{f' by {found.author}' if found else ''}, and"
            f" nothing was published now; compare with `rules diff {version - 1}`, and run the what-if again"
        )
        raise RulesError(msg)
    return found


def adoption_marks(adoption: RecordedAdoption) -> dict[str, int]:
    """Return the marks that record an adoption; the last one makes it count, if they are recorded one by one."""
    return {
        _NEWEST: adoption.version,
        _digest_of(adoption.version): adoption.digest,
        _from_line(adoption.version): adoption.from_line,
    }


def adoption_metadata(adoption: RecordedAdoption) -> dict[str, str]:
    """Return an adoption as metadata of its commit, for people who read the table's history."""
    return {"rulesVersion": str(adoption.version), "rulesFromLine": str(adoption.from_line)}


def recorded_adoptions(mark: Callable[[str], int | None], since_line: int) -> list[RecordedAdoption]:
    """Return the recorded adoptions in force at some line above `since_line`, in order of line.

    Args:
        mark: returns the number recorded under a name, or None.
        since_line: earlier adoptions are not looked for.
    """
    found: list[RecordedAdoption] = []
    for version in range(mark(_NEWEST) or 0, 0, -1):
        from_line = mark(_from_line(version))
        # A version was skipped if it was malformed, replaced before a micro-batch began, or not recorded to the end.
        if from_line is None:
            continue
        found.append(RecordedAdoption(version, from_line, mark(_digest_of(version)) or 0))
        if from_line <= since_line:
            break
    return found[::-1]


def read_adopted(lake: "Objects", adoption: RecordedAdoption) -> PublishedRules:
    """Return the rules of an adoption.

    Raises:
        RulesError: they are missing, or not those that were adopted.
    """
    rules = find_rules(lake, adoption.version)
    if rules is None or rules.digest != adoption.digest:
        problem = "is missing" if rules is None else "has changed"
        msg = (
            f"{lake.place(rules_path(adoption.version))} {problem} since it was adopted at line {adoption.from_line};"
            " restore it from the bucket's versions"
        )
        raise RulesError(msg)
    return rules


def _from_line(version: int) -> str:
    return f"{_NEWEST}/{version:06d}"


def _digest_of(version: int) -> str:
    return f"{_NEWEST}/{version:06d}/digest"


def _digest(data: bytes) -> int:
    # Marks are signed 64-bit integers.
    return int.from_bytes(hashlib.sha256(data).digest()[:8]) >> 1
