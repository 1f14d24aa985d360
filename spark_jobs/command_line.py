"""What command lines have in common."""

import argparse


def at_least_one(text: str) -> int:
    """Read a number of lines, chunks or the like: the `type` of an argument.

    Raises:
        ArgumentTypeError: it is less than 1, or no number.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is no whole number of at least 1"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """Add `--threshold`, which `parse_thresholds` reads."""
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another threshold for a pattern; repeatable",
    )
