"""Where people find what to do: every alert names its section of the runbook."""

PAGE = "docs/runbook.md"

# Sections of what is no alert with a key of its own.
TASK_FAILED = "task-failed"
RUN_LATE = "run-late"


def section(name: str) -> str:
    """Return the place of a section in the project's repository."""
    return f"{PAGE}#{name}"
