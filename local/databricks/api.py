"""The Jobs API over HTTP."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from databricks.sdk.service import jobs
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from local.databricks import requests, views
from local.databricks.engine import Engine
from local.databricks.errors import ApiError, invalid, no_job
from local.databricks.job_settings import parse_settings
from local.databricks.model import Job, Json
from local.databricks.requests import DEFAULT_LIMIT, page_token, parsed, read_values
from local.databricks.store import Store
from local.foreign_requests import LOOPBACK_NAMES, reason_to_refuse

WORKSPACE_ID = "0"
USER = "local"
_VERSIONS = ("2.1", "2.2")


@dataclass(frozen=True)
class Service:
    """State and settings that the routes share.

    Attributes:
        token: that clients send.
        base_url: of this server, for `run_page_url`.
        names: host names that are accepted beside those of loopback.
    """

    store: Store
    engine: Engine
    token: str
    base_url: str
    now: Callable[[], int]
    names: tuple[str, ...] = ()


def build_api(service: Service) -> FastAPI:
    """Return the application with all routes of the Jobs API, in both versions."""
    app = FastAPI(title="Local Databricks", docs_url=None, redoc_url=None, openapi_url=None)

    # The pages need no token.
    @app.middleware("http")
    async def _refuse_foreign(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        foreign = reason_to_refuse(request.method, request.headers, (*LOOPBACK_NAMES, *service.names))
        if foreign:
            return JSONResponse({"error_code": "PERMISSION_DENIED", "message": foreign}, 403)
        return await answer(request)

    # The SDK and the Terraform provider identify the workspace by this header.
    @app.middleware("http")
    async def _name_workspace(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers["X-Databricks-Org-Id"] = WORKSPACE_ID
        return response

    @app.exception_handler(ApiError)
    async def _answer_error(request: Request, error: ApiError) -> JSONResponse:  # noqa: ARG001 - FastAPI's interface
        return JSONResponse({"error_code": error.code, "message": str(error)}, error.status)

    @app.exception_handler(404)
    async def _answer_unknown(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - FastAPI's interface
        message = f"No API found for '{request.method} {request.url.path}'"
        return JSONResponse({"error_code": "ENDPOINT_NOT_FOUND", "message": message}, 404)

    authenticated = [Depends(_authenticate(service.token))]
    for version in _VERSIONS:
        for routes in (_job_routes(service), _run_routes(service)):
            app.include_router(routes, prefix=f"/api/{version}/jobs", dependencies=authenticated)

    # Requested by the SDK when it starts.
    @app.get("/.well-known/databricks-config")
    def _config() -> Json:
        return {"oidc_endpoint": f"{service.base_url}/oidc", "workspace_id": WORKSPACE_ID}

    # Requested by the Terraform provider.
    @app.get("/api/2.0/preview/scim/v2/Me", dependencies=authenticated)
    def _me() -> Json:
        return {"id": "1", "userName": USER, "displayName": USER, "active": True}

    # Requested by "Test connection" in Airflow.
    @app.get("/api/2.1/clusters/spark-versions", dependencies=authenticated)
    def _spark_versions() -> Json:
        return {"versions": [{"key": "local", "name": "The Spark that is installed here"}]}

    return app


def _authenticate(token: str) -> Callable[[Request], None]:
    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise ApiError(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        if not secrets.compare_digest(token.encode(), given.encode()):
            raise ApiError(403, 403, "Invalid access token.")

    return check


def _job_routes(service: Service) -> APIRouter:
    routes = APIRouter()
    store, engine = service.store, service.engine

    def find(job_id: int) -> Job:
        job = store.job(job_id)
        if job is None:
            raise no_job(job_id)
        return job

    def save(job: Job) -> None:
        store.put_job(job)
        engine.wake()

    @routes.post("/create")
    def create(settings: Annotated[Json, Depends(read_values)]) -> Json:
        job = Job(store.new_id(), parse_settings(settings, jobs.JobsAPI.create), service.now(), USER)
        save(job)
        return {"job_id": job.job_id}

    @routes.get("/get")
    def get(given: Annotated[requests.JobRequest, parsed(requests.JobRequest)]) -> Json:
        return views.job_view(find(given.job_id))

    @routes.get("/list")
    def list_jobs(given: Annotated[requests.ListJobs, parsed(requests.ListJobs)]) -> Json:
        found = [
            job
            for job in store.jobs()
            if (given.name is None or job.name.lower() == given.name.lower())
            and (given.page_token is None or job.job_id < given.page_token)
        ]
        page = found[: given.limit or DEFAULT_LIMIT]
        more = len(found) > len(page)
        listed = [views.listed_job(job, expand_tasks=given.expand_tasks) for job in page]
        return {"jobs": listed, "has_more": more} | ({"next_page_token": page_token(page[-1].job_id)} if more else {})

    @routes.post("/reset")
    def reset(given: Annotated[requests.ResetJob, parsed(requests.ResetJob)]) -> Json:
        job = find(given.job_id)
        job.settings = parse_settings(given.new_settings)
        save(job)
        return {}

    @routes.post("/update")
    def update(given: Annotated[requests.UpdateJob, parsed(requests.UpdateJob)]) -> Json:
        job = find(given.job_id)
        settings = _merged(job.settings, given.new_settings)
        for path in given.fields_to_remove:
            settings = _without(settings, path)
        job.settings = parse_settings(settings)
        save(job)
        return {}

    @routes.post("/delete")
    def delete(given: Annotated[requests.JobRequest, parsed(requests.JobRequest)]) -> Json:
        job = find(given.job_id)
        store.delete_job(job.job_id)
        engine.cancel_all(job.job_id, queued_only=False)
        return {}

    @routes.post("/run-now")
    def run_now(given: Annotated[requests.RunNow, parsed(requests.RunNow)]) -> Json:
        run = engine.run_now(find(given.job_id), given, "ONE_TIME", USER)
        return {"run_id": run.run_id, "number_in_job": run.number_in_job}

    return routes


def _run_routes(service: Service) -> APIRouter:
    routes = APIRouter(prefix="/runs")
    store, engine, base_url = service.store, service.engine, service.base_url
    ById = Annotated[requests.RunRequest, parsed(requests.RunRequest)]  # noqa: N806 - a type

    @routes.post("/submit")
    def submit(
        given: Annotated[requests.SubmitRun, parsed(requests.SubmitRun)],
        settings: Annotated[Json, Depends(read_values)],
    ) -> Json:
        settings = parse_settings(settings, jobs.JobsAPI.submit)
        return {"run_id": engine.submit(settings, given.idempotency_token, USER).run_id}

    @routes.get("/get")
    def get(given: Annotated[requests.GetRun, parsed(requests.GetRun)]) -> Json:
        run = engine.find(given.run_id)
        return views.run_view(run, base_url, history=given.include_history, attempt=run.attempt(given.run_id))

    @routes.get("/list")
    def list_runs(given: Annotated[requests.ListRuns, parsed(requests.ListRuns)]) -> Json:
        if given.active_only and given.completed_only:
            raise invalid("active_only and completed_only can't both be true.")
        found = store.runs(
            job_id=given.job_id,
            active=given.active_only or (False if given.completed_only else None),
            run_type=given.run_type,
            created_from=given.start_time_from,
            created_to=given.start_time_to,
            below=given.page_token,
        )
        limit = given.limit or DEFAULT_LIMIT
        page = list(islice(found, limit + 1))
        more, page = len(page) > limit, page[:limit]
        listed = [views.listed_run(run, base_url, expand_tasks=given.expand_tasks) for run in page]
        return {"runs": listed, "has_more": more} | ({"next_page_token": page_token(page[-1].run_id)} if more else {})

    @routes.get("/get-output")
    def get_output(given: ById) -> Json:
        run = engine.find(given.run_id)
        attempt = run.attempt(given.run_id)
        if attempt is None and len(run.tasks) > 1:
            raise invalid("Retrieving the output of runs with multiple tasks is not supported; give a task's run_id.")
        attempt = attempt or run.last_attempt(run.tasks[0]["task_key"])
        if attempt is None:
            return {"metadata": views.run_view(run, base_url)}
        return views.output_view(run, attempt, base_url, engine.log_file(attempt), engine.failure_file(attempt))

    @routes.get("/export")
    def export(given: ById) -> Json:
        return views.export_view(engine.find(given.run_id), engine.log_file)

    @routes.post("/cancel")
    def cancel(given: ById) -> Json:
        engine.cancel(given.run_id)
        return {}

    @routes.post("/cancel-all")
    def cancel_all(given: Annotated[requests.CancelAll, parsed(requests.CancelAll)]) -> Json:
        if given.job_id is None and not given.all_queued_runs:
            raise invalid("Missing required field: job_id")
        if given.job_id is not None and store.job(given.job_id) is None:
            raise no_job(given.job_id)
        engine.cancel_all(given.job_id, queued_only=given.all_queued_runs)
        return {}

    @routes.post("/delete")
    def delete(given: ById) -> Json:
        engine.delete(given.run_id)
        return {}

    @routes.post("/repair")
    def repair(given: Annotated[requests.RepairRun, parsed(requests.RepairRun)]) -> Json:
        return {"repair_id": engine.repair(given)}

    return routes


_KEYS = {"tasks": "task_key", "job_clusters": "job_cluster_key"}


def _merged(settings: Json, new: Json) -> Json:
    """Return settings with new fields; entries of `tasks` and `job_clusters` with another key are kept."""
    merged = settings | new
    for name in _KEYS.keys() & new.keys():
        entries = {entry.get(_KEYS[name]): entry for entry in [*settings.get(name, []), *new[name]]}
        merged[name] = list(entries.values())
    return merged


def _without(settings: Json, path: str) -> Json:
    """Return settings without a field, or without one entry of `tasks` or `job_clusters` (`tasks/KEY`)."""
    name, _, entry = path.partition("/")
    if not entry:
        return {key: value for key, value in settings.items() if key != name}
    return settings | {name: [value for value in settings.get(name, []) if value.get(_KEYS[name]) != entry]}
