"""The Jobs API over HTTP."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import JSONResponse, Response

from local.databricks import views
from local.databricks.engine import Engine
from local.databricks.errors import ApiError, invalid, no_job
from local.databricks.model import Attempt, Job, Json, Run
from local.databricks.requests import Arguments, arguments, page_token
from local.databricks.settings import check_tasks, parse_settings
from local.databricks.store import Store

WORKSPACE_ID = "0"
_VERSIONS = ("2.1", "2.2")
_MOST_RUNS, _USUAL_RUNS = 25, 20
_MOST_JOBS, _USUAL_JOBS = 100, 20

Given = Annotated[Arguments, Depends(arguments)]


@dataclass(frozen=True)
class Service:
    """What the routes work on.

    Attributes:
        tokens: user names by token.
        base_url: of this server, for `run_page_url`.
        names: by which it may be asked, beside those of this machine to itself.
    """

    store: Store
    engine: Engine
    tokens: dict[str, str]
    base_url: str
    now: Callable[[], int]
    names: tuple[str, ...] = ()


def build_api(service: Service) -> FastAPI:
    """Return the application with all routes of the Jobs API, under both of its versions."""
    app = FastAPI(title="Local Databricks", docs_url=None, redoc_url=None, openapi_url=None)

    # Its pages ask for no token: a foreign web page must not reach them by a name of its own that leads here (DNS
    # rebinding).
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", *service.names])

    # By this the SDK and the Terraform provider tell which workspace answers.
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

    for version in _VERSIONS:
        app.include_router(_job_routes(service), prefix=f"/api/{version}/jobs")
        app.include_router(_run_routes(service), prefix=f"/api/{version}/jobs")

    # The SDK asks where it has come to, the Terraform provider who it is.
    @app.get("/.well-known/databricks-config")
    def _config() -> Json:
        return {"oidc_endpoint": f"{service.base_url}/oidc", "workspace_id": WORKSPACE_ID}

    @app.get("/api/2.0/preview/scim/v2/Me")
    def _me(user: Annotated[str, Depends(_user_of(service))]) -> Json:
        return {"id": "1", "userName": user, "displayName": user, "active": True}

    # "Test connection" in Airflow.
    @app.get("/api/2.1/clusters/spark-versions", dependencies=[Depends(_user_of(service))])
    def _spark_versions() -> Json:
        return {"versions": [{"key": "local", "name": "The Spark that is installed here"}]}

    return app


def _user_of(service: Service) -> Callable[[Request], str]:
    def user(request: Request) -> str:
        """Return who sends a request, by its token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        for known, name in service.tokens.items():
            if secrets.compare_digest(known.encode(), token.encode()):
                return name
        raise ApiError(403, 403, "Invalid access token.")

    return user


def _job_routes(service: Service) -> APIRouter:
    caller = _user_of(service)
    routes = APIRouter(dependencies=[Depends(caller)])
    store, engine = service.store, service.engine
    User = Annotated[str, Depends(caller)]  # noqa: N806 - a type

    def find(job_id: int) -> Job:
        job = store.job(job_id)
        if job is None:
            raise no_job(job_id)
        return job

    @routes.post("/create")
    def create(given: Given, user: User) -> Json:
        job = Job(store.new_id(), parse_settings(given.values), service.now(), user)
        store.put_job(job)
        engine.wake()
        return {"job_id": job.job_id}

    @routes.get("/get")
    def get(given: Given) -> Json:
        return views.job_view(find(given.number("job_id")))

    @routes.get("/list")
    def list_jobs(given: Given) -> Json:
        name, below = given.text("name"), given.page()
        found = [
            job
            for job in store.jobs()
            if (name is None or job.name.lower() == name.lower()) and (below is None or job.job_id < below)
        ]
        page = found[: given.limit(_MOST_JOBS, _USUAL_JOBS)]
        more = len(found) > len(page)
        expand = given.flag("expand_tasks")
        answer: Json = {"jobs": [views.listed_job(job, expand_tasks=expand) for job in page], "has_more": more}
        return answer | ({"next_page_token": page_token(page[-1].job_id)} if more else {})

    @routes.post("/reset")
    def reset(given: Given) -> Json:
        job = find(given.number("job_id"))
        job.settings = parse_settings(given.values.get("new_settings", {}))
        store.put_job(job)
        engine.wake()
        return {}

    @routes.post("/update")
    def update(given: Given) -> Json:
        job = find(given.number("job_id"))
        settings = job.settings | given.values.get("new_settings", {})
        for path in given.values.get("fields_to_remove", []):
            name, _, entry = path.partition("/")
            settings = _without(settings, name, entry)
        job.settings = parse_settings(settings)
        store.put_job(job)
        engine.wake()
        return {}

    @routes.post("/delete")
    def delete(given: Given) -> Json:
        job = find(given.number("job_id"))
        store.delete_job(job.job_id)
        engine.cancel_all(job.job_id, queued_only=False)
        return {}

    @routes.post("/run-now")
    def run_now(given: Given, user: User) -> Json:
        run_id = engine.run_now(find(given.number("job_id")), given.values, "ONE_TIME", user)
        return {"run_id": run_id, "number_in_job": engine.find(run_id).number_in_job}

    return routes


def _run_routes(service: Service) -> APIRouter:
    caller = _user_of(service)
    routes = APIRouter(prefix="/runs", dependencies=[Depends(caller)])
    store, engine, base_url = service.store, service.engine, service.base_url
    User = Annotated[str, Depends(caller)]  # noqa: N806 - a type

    @routes.post("/submit")
    def submit(given: Given, user: User) -> Json:
        settings = parse_settings({**given.values, "name": given.text("run_name") or "Untitled"})
        check_tasks(settings["tasks"])
        return {"run_id": engine.submit(settings, given.values, user)}

    @routes.get("/get")
    def get(given: Given) -> Json:
        run_id = given.number("run_id")
        run = engine.find(run_id)
        history = given.flag("include_history")
        return views.run_view(run, base_url, history=history, attempt=_attempt_of(run, run_id))

    @routes.get("/list")
    def list_runs(given: Given) -> Json:
        active, completed = given.flag("active_only"), given.flag("completed_only")
        if active and completed:
            raise invalid("active_only and completed_only can't both be true.")
        found = store.runs(
            job_id=given.optional_number("job_id"),
            live=True if active else False if completed else None,
            run_type=given.text("run_type"),
            created_from=given.optional_number("start_time_from"),
            created_to=given.optional_number("start_time_to"),
            below=given.page(),
        )
        limit = given.limit(_MOST_RUNS, _USUAL_RUNS)
        page = list(islice(found, limit + 1))
        more, page = len(page) > limit, page[:limit]
        expand = given.flag("expand_tasks")
        answer: Json = {
            "runs": [views.listed_run(run, base_url, expand_tasks=expand) for run in page],
            "has_more": more,
        }
        return answer | ({"next_page_token": page_token(page[-1].run_id)} if more else {})

    @routes.get("/get-output")
    def get_output(given: Given) -> Json:
        run_id = given.number("run_id")
        run = engine.find(run_id)
        attempt = _attempt_of(run, run_id)
        if attempt is None and len(run.tasks) > 1:
            raise invalid("Retrieving the output of runs with multiple tasks is not supported; give a task's run_id.")
        attempt = attempt or run.last_attempt(run.tasks[0]["task_key"])
        if attempt is None:
            return {"metadata": views.run_view(run, base_url)}
        return views.output_view(run, attempt, base_url, engine.log_file(attempt), engine.failure_file(attempt))

    @routes.get("/export")
    def export(given: Given) -> Json:
        return views.export_view(engine.find(given.number("run_id")), engine.log_file)

    @routes.post("/cancel")
    def cancel(given: Given) -> Json:
        engine.cancel(given.number("run_id"))
        return {}

    @routes.post("/cancel-all")
    def cancel_all(given: Given) -> Json:
        job_id, queued = given.optional_number("job_id"), given.flag("all_queued_runs")
        if job_id is None and not queued:
            raise invalid("Missing required field: job_id")
        if job_id is not None and store.job(job_id) is None:
            raise no_job(job_id)
        engine.cancel_all(job_id, queued_only=queued)
        return {}

    @routes.post("/delete")
    def delete(given: Given) -> Json:
        engine.delete(given.number("run_id"))
        return {}

    @routes.post("/repair")
    def repair(given: Given) -> Json:
        return {"repair_id": engine.repair(given.number("run_id"), given.values)}

    return routes


def _attempt_of(run: Run, run_id: int) -> Attempt | None:
    return next((attempt for attempt in run.attempts if attempt.run_id == run_id), None)


def _without(settings: Json, name: str, entry: str) -> Json:
    """Return settings without a field, or without one entry of `tasks` or `job_clusters`."""
    if not entry:
        return {key: value for key, value in settings.items() if key != name}
    key = "task_key" if name == "tasks" else "job_cluster_key"
    return settings | {name: [value for value in settings.get(name, []) if value.get(key) != entry]}
