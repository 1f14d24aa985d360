"""Errors as the Jobs API answers them: a status, a code, a message."""


class ApiError(Exception):
    """Raised where a request is answered with an error.

    Attributes:
        status: of HTTP.
        code: `error_code` in the body; the gateway's own errors have the status here.
    """

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def invalid(message: str) -> ApiError:
    """Return the error for a value that cannot be; the Jobs API also says so of jobs and runs that are not there."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def no_job(job_id: int) -> ApiError:
    """Return the error for a job that is not there."""
    return invalid(f"Job {job_id} does not exist.")


def no_run(run_id: int) -> ApiError:
    """Return the error for a run that is not there."""
    return invalid(f"Run {run_id} does not exist.")


def invalid_state(message: str) -> ApiError:
    """Return the error for what cannot be done now."""
    return ApiError(400, "INVALID_STATE", message)
