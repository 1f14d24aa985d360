"""Exit codes of all jobs; argparse exits with 2 on a wrong command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger

from spark_jobs.errors import PipelineError

DONE = 0
NOTHING_NEW = 10
# EX_TEMPFAIL and EX_SOFTWARE in sysexits.h.
FAILED_RETRYABLE = 75
FAILED_PERMANENT = 70


def of_error(error: PipelineError) -> int:
    """Return the exit code of an error: whether running again can help."""
    return FAILED_RETRYABLE if error.retryable else FAILED_PERMANENT


@contextmanager
def exit_on_error(log: Logger) -> Iterator[None]:
    """Log an error raised on purpose, and exit with its code.

    Raises:
        SystemExit: 75 if running again can help, 70 if it cannot.
    """
    try:
        yield
    except PipelineError as error:
        log.error(str(error), extra={"fields": {"error": type(error).__name__, "retryable": error.retryable}})
        raise SystemExit(of_error(error)) from error
