"""The web app: the page, its assets and its data. It changes nothing; what names customers is posted, not in URLs."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from pattern_page import PREFIX, ROUTE, merchants
from pattern_page.csv_export import csv_pieces
from pattern_page.explanation import explanation
from pattern_page.gate import RETRY_AFTER_SECONDS, BusyError, Gate
from pattern_page.headers import SecurityHeaders
from pattern_page.questions import DetectionsQuestion, ExplainQuestion, HistoryQuestion, MerchantsQuestion, posted
from pattern_page.rule_versions import version_payload, versions_payload
from pattern_page.series import SPANS
from pattern_page.sources import Sources
from pattern_page.state import StateCache
from pattern_page.viewer import Viewer, no_customers, no_figures
from spark_jobs.errors import PipelineError, UnknownNameError

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGE_ROWS = 25

Span = Annotated[str, Query(pattern=f"^({'|'.join(SPANS)})$")]


class Gates:
    """Limits on reads from memory and from the store, so that slow ones do not hold up quick ones.

    A search may hold a million rows, so that one runs at a time.
    """

    def __init__(self, memory: Gate | None = None, store: Gate | None = None, search: Gate | None = None) -> None:
        self.memory = memory or Gate(readers=2, per_user=2, seconds=20)
        self.store = store or Gate(readers=4, per_user=2, seconds=20)
        self.search = search or Gate(readers=1, per_user=1, seconds=20)


def create_app(
    sources: Sources, authorize: Callable[..., Any], now: Callable[[], datetime], gates: Gates | None = None
) -> FastAPI:
    """Return the app.

    Args:
        authorize: dependency of every route, assets included, that returns a `Viewer`, or raises 401 or 403.
    """
    app = FastAPI(
        title="Pattern detection",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(authorize)],
    )
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(StarletteHTTPException, _handle_error)
    app.add_exception_handler(BusyError, _handle_busy)
    app.add_exception_handler(PipelineError, _handle_unreadable)
    app.add_exception_handler(UnknownNameError, _handle_unknown)
    assets = {path.name: _Asset(path) for path in _STATIC.iterdir()}
    cache = StateCache(now)
    gates = gates or Gates()
    memory, store = gates.memory, gates.store

    async def sees_figures(viewer: Annotated[Viewer, Depends(authorize)]) -> Viewer:
        if not viewer.sees_figures:
            raise HTTPException(403, no_figures())
        return viewer

    async def sees_customers(viewer: Annotated[Viewer, Depends(sees_figures)]) -> Viewer:
        if not viewer.sees_customers:
            raise HTTPException(403, no_customers(viewer.dags))
        return viewer

    SeesFigures = Annotated[Viewer, Depends(sees_figures)]  # noqa: N806 - types
    SeesCustomers = Annotated[Viewer, Depends(sees_customers)]  # noqa: N806

    @app.get("/")
    async def page(request: Request) -> Response:
        return assets["page.html"].answer(request)

    @app.get("/static/{name}")
    async def asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise HTTPException(404, f"There is no asset {name}.")
        return assets[name].answer(request)

    @app.get("/api/state")
    async def state(request: Request, viewer: SeesFigures, span: Span = "1h") -> Response:
        body, etag = await memory.read(
            viewer.user, ("state", span, viewer.dags), lambda: cache.get(span, sources.poll(), viewer.dags)
        )
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, media_type="application/json", headers={"ETag": etag})

    @app.post("/api/detections")
    async def detections(
        viewer: SeesCustomers, question: Annotated[DetectionsQuestion, Depends(posted(DetectionsQuestion))]
    ) -> Response:
        def read() -> bytes:
            return _json(sources.tables().detections.latest(question.conditions, _PAGE_ROWS, question.before))

        return _answer(await memory.read(viewer.user, question, read))

    @app.post("/api/detections.csv")
    async def detections_csv(
        viewer: SeesCustomers, question: Annotated[DetectionsQuestion, Depends(posted(DetectionsQuestion))]
    ) -> Response:
        pieces = csv_pieces(sources.tables().detections.matching_pages(question.conditions))

        async def read() -> AsyncIterator[bytes]:
            while (piece := await memory.read(viewer.user, object(), lambda: next(pieces, None))) is not None:
                yield piece

        headers = {"Content-Disposition": 'attachment; filename="detections.csv"'}
        return StreamingResponse(read(), media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/api/files/{number}")
    async def file(number: int, viewer: SeesCustomers) -> Response:
        def read() -> tuple[str, bytes] | None:
            path = sources.tables().detections.file(number)
            data = sources.file(path) if path else None
            return (path, data) if path and data is not None else None

        found = await store.read(viewer.user, ("file", number), read)
        if found is None:
            raise HTTPException(404, f"File {number} has not been written yet.")
        path, data = found
        # As plain text, so that the browser shows its exact bytes, and no spreadsheet opens it.
        headers = {"Content-Disposition": f'inline; filename="{path.rpartition("/")[2]}"'}
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    @app.post("/api/merchants")
    async def merchant_rows(
        viewer: SeesCustomers, question: Annotated[MerchantsQuestion, Depends(posted(MerchantsQuestion))]
    ) -> Response:
        def read() -> bytes:
            rows, descending = sources.tables().merchants, question.order == "descending"
            return _json(
                merchants.sorted_page(
                    rows,
                    question.search,
                    question.sort,
                    descending=descending,
                    offset=question.offset,
                    limit=_PAGE_ROWS,
                )
            )

        return _answer(await memory.read(viewer.user, question, read))

    @app.post("/api/merchants/history")
    async def merchant_history(
        viewer: SeesCustomers, question: Annotated[HistoryQuestion, Depends(posted(HistoryQuestion))]
    ) -> Response:
        def read() -> bytes:
            rows, capped = sources.merchant_history(question.merchant)
            return _json({"merchant": question.merchant, "rows": merchants.thin_history(rows), "capped": capped})

        return _answer(await store.read(viewer.user, question, read))

    @app.post("/api/explain")
    async def explain(
        viewer: SeesCustomers, question: Annotated[ExplainQuestion, Depends(posted(ExplainQuestion))]
    ) -> Response:
        def read() -> bytes:
            tables, state = sources.tables(), sources.merchant_state(question.merchant)
            names = tables.merchants["merchant"]
            return _json(explanation(question.merchant, question.customer, state, tables.detections, names))

        return _answer(await gates.search.read(viewer.user, question, read))

    @app.get("/api/shadow")
    async def shadow(viewer: SeesCustomers) -> Response:
        return _answer(
            await memory.read(viewer.user, "shadow", lambda: _json({"rows": sources.tables().shadow.examples()}))
        )

    @app.get("/api/rules")
    async def rules(viewer: SeesFigures) -> Response:
        return _answer(await store.read(viewer.user, "rules", lambda: _json(versions_payload(sources.rules()))))

    @app.get("/api/rules/{version}")
    async def rules_version(version: int, viewer: SeesFigures) -> Response:
        found = await store.read(viewer.user, ("rules", version), lambda: version_payload(sources.rules(), version))
        if found is None:
            raise HTTPException(404, f"There is no version {version} of the rules.")
        return _answer(_json(found))

    return app


class _Asset:
    """A static file, which browsers revalidate by its ETag."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._headers = {
            "ETag": f'"{hashlib.sha256(self._data).hexdigest()[:16]}"',
            "Cache-Control": "private, no-cache",
        }

    def answer(self, request: Request) -> Response:
        if request.headers.get("if-none-match") == self._headers["ETag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._data, media_type=self._type, headers=self._headers)


def _json(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False).encode()


def _answer(content: bytes) -> Response:
    return Response(content, media_type="application/json")


async def _handle_busy(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


async def _handle_unreadable(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 502)


async def _handle_unknown(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 404)


async def _handle_error(request: Request, error: Exception) -> Response:
    """Return an error as JSON, but redirect a browser that opens the page without a login to Airflow's login."""
    assert isinstance(error, StarletteHTTPException)
    opened = request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    if error.status_code == 401 and opened:
        root = str(request.scope.get("root_path", "")).removesuffix(PREFIX)
        back = quote(f"{root}/plugin/{ROUTE}", safe="")
        return RedirectResponse(f"{root}/api/v2/auth/login?next={back}", 303)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
