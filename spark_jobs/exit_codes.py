"""Exit codes of both jobs (2 is a wrong command line, as everywhere)."""

from spark_jobs.core.errors import PipelineError

DONE = 0
NOTHING_NEW = 10
# EX_TEMPFAIL and EX_SOFTWARE of sysexits.h.
FAILED_RETRYABLE = 75
FAILED_PERMANENT = 70


def of_error(error: PipelineError) -> int:
    """Return the exit code that tells whether running again can help."""
    return FAILED_RETRYABLE if error.retryable else FAILED_PERMANENT
