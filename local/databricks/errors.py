"""Errors of the Jobs API: an HTTP status, an error code, a message."""


class ApiError(Exception):
    """Raised to answer a request with an error.

    Attributes:
        status: HTTP status.
        code: `error_code` in the body; for errors of the gateway, the status.
    """

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def invalid(message: str) -> ApiError:
    """Return the error for an invalid value; the Jobs API also uses it for jobs and runs that do not exist."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def malformed(message: str) -> ApiError:
    """Return the error for a request that cannot be parsed."""
    return ApiError(400, "MALFORMED_REQUEST", message)


def no_job(job_id: int) -> ApiError:
    """Return the error for a job that does not exist."""
    return invalid(f"Job {job_id} does not exist.")


def no_run(run_id: int) -> ApiError:
    """Return the error for a run that does not exist."""
    return invalid(f"Run {run_id} does not exist.")


def invalid_state(message: str) -> ApiError:
    """Return the error for an operation that the current state does not allow."""
    return ApiError(400, "INVALID_STATE", message)
