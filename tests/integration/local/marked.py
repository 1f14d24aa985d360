"""Finds every process that a test has started, by a variable that all of them inherit."""

import psutil

MARK = "TEST_MARK"


def marked_processes(mark: str) -> list[psutil.Process]:
    """Return the running processes that carry this mark in their environment."""
    return [process for process in psutil.process_iter() if _mark_of(process) == mark]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return str(process.environ().get(MARK))
    except psutil.Error:
        # It has ended, or belongs to another user.
        return None
