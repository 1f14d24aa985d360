"""`rules`: publish a version of a lake's rules, and show what is published."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import exit_on_error, job_logger
from spark_jobs.errors import RulesError
from spark_jobs.lake.layout import rules_path
from spark_jobs.lake.rules import (
    PublishedRules,
    find_rules,
    publish_rules,
    published_versions,
    read_rules_file,
)
from spark_jobs.patterns.rules import diff_rules
from spark_jobs.store.objects import Objects, open_objects

# The number of operands that each action takes.
_OPERANDS = {"publish": (1, 1), "list": (0, 0), "show": (0, 1), "diff": (0, 2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish or show rules; return 0.

    Raises:
        SystemExit: 75 if another publisher was first, 70 if the rules are refused, 2 on a wrong command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    least, most = _OPERANDS[options.action]
    if not least <= len(options.operands) <= most:
        parser.error(f"{options.action} takes {least if least == most else f'{least} to {most}'} arguments")
    versions = [] if options.action == "publish" else [_version(text, parser) for text in options.operands]
    log = job_logger("rules")
    with exit_on_error(log):
        lake = open_objects(options.lake)
        match options.action:
            case "publish":
                _publish(lake, options)
            case "list":
                _list(lake)
            case "show":
                print(_text(_find(lake, *versions)), end="")
            case _:
                _diff(lake, versions)
    return exit_codes.DONE


def _publish(lake: Objects, options: argparse.Namespace) -> None:
    body, _ = read_rules_file(*options.operands)
    published = publish_rules(lake, body, options.author or _user(), options.comment, datetime.now(UTC))
    print(f"published version {published.version}: {lake.place(rules_path(published.version))}")


def _list(lake: Objects) -> None:
    for version in range(published_versions(lake) + 1):
        try:
            rules = _find(lake, version)
        except RulesError as error:
            print(f"{version}\tinvalid\t{error}")
        else:
            at = rules.published_at.isoformat(timespec="seconds") if rules.published_at else "-"
            print(f"{version}\t{at}\t{rules.author or '-'}\t{rules.comment}")


def _diff(lake: Objects, versions: list[int]) -> None:
    newest = published_versions(lake)
    before, after = {0: (max(newest - 1, 0), newest), 1: (*versions, newest), 2: tuple(versions)}[len(versions)]
    rule_sets = [_find(lake, version).rule_set for version in (before, after)]
    print("\n".join(diff_rules(rule_sets[0], rule_sets[1], (f"version {before}", f"version {after}"))))


def _find(lake: Objects, version: int | None = None) -> PublishedRules:
    """Return a version, the newest by default."""
    newest = published_versions(lake)
    rules = find_rules(lake, newest if version is None else version)
    if rules is None:
        msg = f"{lake.url} has no version {version} of the rules; the newest is {newest}"
        raise RulesError(msg)
    return rules


def _text(rules: PublishedRules) -> str:
    """Return what was published, with the version as a comment, so that it can be edited and published again."""
    at = f", published {rules.published_at.isoformat()} by {rules.author}" if rules.published_at else ""
    lines = [*rules.comment.splitlines(), *_review_lines(rules)]
    comment = "".join(f"\n# {line}" for line in lines)
    return f"# Version {rules.version}{at}{comment}\n\n{rules.body}"


def _review_lines(rules: PublishedRules) -> list[str]:
    review = rules.review
    if review is None:
        return []
    asked = f"Requested by {review.requested_by}. " if review.requested_by else ""
    approved = f"Approved {review.approved_at.isoformat()}. " if review.approved_at else ""
    return [f"{asked}{approved}Report of the what-if: {review.report}"]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        msg = "the name of this user is unknown; give one with --author"
        raise RulesError(msg) from error


def _version(text: str, parser: argparse.ArgumentParser) -> int:
    if not text.isdecimal():
        parser.error(f"{text!r} is not a version: versions are whole numbers from 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rules",
        description="Publish the next version of a lake's rules, or show versions. A running detector adopts a new"
        " version at its next micro-batch.",
        epilog="publish FILE: validate and publish. list: all versions. show [N]: the text of a version, the newest by"
        " default. diff [N [M]]: what changed from N to M, by default to the newest version. Version 0 is the built-in"
        " rules. Exit codes: 0 done, 75 another publisher was first, 70 refused.",
    )
    parser.add_argument("action", choices=_OPERANDS)
    parser.add_argument("operands", nargs="*", metavar="FILE|N")
    parser.add_argument("--lake", required=True, metavar="URL", help="the root of the lake: s3://… or file:///…")
    parser.add_argument("--author", default="", help="recorded with the version (default: this user)")
    parser.add_argument("--comment", default="", help="recorded with the version")
    return parser


if __name__ == "__main__":
    sys.exit(main())
