"""Finished lines of a block of bytes. A line is one physical line; an unfinished one waits for its newline."""

from dataclasses import dataclass

_GUESSED_LINE_BYTES = 256
_MARGIN = 1.1
# A chunk is held in memory several times over while it is parsed. Ordinary lines have 100 bytes.
_CHUNK_BYTES = 64 << 20
_BYTES_OF_A_LINE = 8192


@dataclass(frozen=True)
class FinishedLines:
    """Lines without their newline, and the bytes that they take with it."""

    lines: list[bytes]
    size: int


def finished_lines(block: bytes, limit: int) -> FinishedLines:
    """Return at most `limit` finished lines from the start of `block`.

    A carriage return before the newline belongs to the line's end. What follows the last newline is left.
    """
    pieces = block.split(b"\n", limit)
    lines = pieces[:-1]
    size = len(block) - len(pieces[-1])
    return FinishedLines([line.removesuffix(b"\r") for line in lines], size)


def bytes_at_most(lines: int) -> int:
    """Return how many bytes a chunk of `lines` lines may have: after them it ends early, whatever comes next."""
    return max(_CHUNK_BYTES, lines * _BYTES_OF_A_LINE)


def bytes_to_read(lines: int, lines_read: int, bytes_read: int) -> int:
    """Return how many bytes most likely hold the next `lines` lines, from the mean of those already read."""
    mean = bytes_read / lines_read if lines_read else _GUESSED_LINE_BYTES
    return int(lines * mean * _MARGIN) + _GUESSED_LINE_BYTES
