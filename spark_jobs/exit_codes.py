"""Exit codes of all jobs (2 is a wrong command line, as everywhere)."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from spark_jobs.errors import PipelineError

DONE = 0
NOTHING_NEW = 10
# EX_TEMPFAIL and EX_SOFTWARE of sysexits.h.
FAILED_RETRYABLE = 75
FAILED_PERMANENT = 70


def of_error(error: PipelineError) -> int:
    """Return the exit code that tells whether running again can help."""
    return FAILED_RETRYABLE if error.retryable else FAILED_PERMANENT


@contextmanager
def exit_on_error(log: Logger) -> Iterator[None]:
    """Log an error raised on purpose, and end the process with its exit code.

    Raises:
        SystemExit: 75 where running again can help, 70 where it cannot.
    """
    try:
        yield
    except PipelineError as error:
        log.error(str(error), extra={"fields": {"error": type(error).__name__, "retryable": error.retryable}})
        raise SystemExit(of_error(error)) from error
