"""Arguments that several command lines have."""

import argparse


def at_least_one(text: str) -> int:
    """Parse a count of lines or chunks: the `type` of an argument.

    Raises:
        ArgumentTypeError: not a number, or less than 1.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is not a whole number of at least 1"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """Add `--threshold`, parsed by `parse_thresholds`."""
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override a threshold of a pattern; repeatable",
    )
