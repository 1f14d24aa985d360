"""Requests of the Jobs API: GET parameters from the query and from a JSON body, validated by pydantic."""

import base64
import json
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from local.databricks.errors import ApiError, invalid, malformed
from local.databricks.model import Json

DEFAULT_LIMIT = 20
Model = TypeVar("Model", bound="ApiRequest")


class ApiRequest(BaseModel):
    """Base of all requests; fields that are not listed are ignored, as Databricks does."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class JobRequest(ApiRequest):
    """Names a job."""

    job_id: int


class RunRequest(ApiRequest):
    """Names a run."""

    run_id: int


def _parse_page_token(token: object) -> int | None:
    try:
        return int(base64.urlsafe_b64decode(str(token).encode())) if token else None
    except ValueError as error:
        msg = f"Invalid page token: {token}"
        raise ValueError(msg) from error


def page_token(last: int) -> str:
    """Return the token of the page that begins below an id."""
    return base64.urlsafe_b64encode(str(last).encode()).decode()


class ListRequest(ApiRequest):
    """Requests a page of a list, of ids below `page_token`; a limit of 0 means the default."""

    expand_tasks: bool = False
    limit: Annotated[int, Field(ge=0, le=100)] = DEFAULT_LIMIT
    page_token: Annotated[int | None, BeforeValidator(_parse_page_token)] = None


class ListJobs(ListRequest):
    """Parameters of `jobs/list`."""

    name: str | None = None


class ListRuns(ListRequest):
    """Parameters of `runs/list`."""

    job_id: int | None = None
    active_only: bool = False
    completed_only: bool = False
    run_type: str | None = None
    start_time_from: int | None = None
    start_time_to: int | None = None
    limit: Annotated[int, Field(ge=0, le=25)] = DEFAULT_LIMIT


class GetRun(RunRequest):
    """Parameters of `runs/get`."""

    include_history: bool = False


class CancelAll(ApiRequest):
    """Parameters of `runs/cancel-all`."""

    job_id: int | None = None
    all_queued_runs: bool = False


class ResetJob(JobRequest):
    """Parameters of `jobs/reset`."""

    new_settings: Json = {}


class UpdateJob(ResetJob):
    """Parameters of `jobs/update`; a field to remove is a name, or `tasks/KEY`, or `job_clusters/KEY`."""

    fields_to_remove: list[str] = []


class Queue(ApiRequest):
    """`queue` of a run."""

    enabled: bool


class RunParameters(ApiRequest):
    """Parameters for the tasks of a run."""

    job_parameters: dict[str, str] = {}
    python_params: list[str] | None = None
    python_named_params: dict[str, str] | None = None

    def overriding(self) -> Json:
        """Return the parameters that replace those of the tasks."""
        return self.model_dump(include={"python_params", "python_named_params"}, exclude_none=True)


class RunOptions(RunParameters):
    """Parameters of `jobs/run-now`, apart from the job."""

    idempotency_token: Annotated[str | None, Field(max_length=64)] = None
    queue: Queue | None = None


class RunNow(JobRequest, RunOptions):
    """Parameters of `jobs/run-now`."""


class SubmitRun(RunOptions):
    """Parameters of `runs/submit`, apart from the settings of the run."""

    run_name: str = "Untitled"


class RepairRun(RunRequest, RunParameters):
    """Parameters of `runs/repair`."""

    rerun_tasks: list[str] = []
    rerun_all_failed_tasks: bool = False
    latest_repair_id: int | None = None


async def read_values(request: Request) -> Json:
    """Return the values of a request; those of the body win, since only Airflow's triggerer sends both.

    Raises:
        ApiError: the body is not a JSON object.
    """
    values: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    body = await request.body()
    if not body:
        return values
    try:
        found = json.loads(body)
    except ValueError as error:
        raise malformed(f"Invalid JSON given in the body of the request: {error}") from error
    if not isinstance(found, dict):
        raise malformed("The body of the request must be a JSON object.")
    return values | found


def parsed(kind: type[Model]) -> Any:
    """Return a FastAPI dependency that reads a request of this kind and raises ApiError if it is invalid."""

    async def read(values: Annotated[Json, Depends(read_values)]) -> Model:
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            raise _invalid(error) from error

    return Depends(read)


def _invalid(error: ValidationError) -> ApiError:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return invalid(f"Missing required field: {name}")
    return invalid(f"{name}: {first['msg']}, got {first['input']!r}.")
