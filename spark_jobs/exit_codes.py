"""Exit codes of all jobs; argparse exits with 2 on a wrong command line."""

from spark_jobs.errors import PipelineError

DONE = 0
NOTHING_NEW = 10
# EX_TEMPFAIL and EX_SOFTWARE in sysexits.h.
FAILED_RETRYABLE = 75
FAILED_PERMANENT = 70


def of_error(error: PipelineError) -> int:
    """Return the exit code of an error: whether running again can help."""
    return FAILED_RETRYABLE if error.retryable else FAILED_PERMANENT
