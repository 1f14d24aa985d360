"""The web app: the page, its assets and its data. It answers GET only, and changes nothing."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from pattern_page import PREFIX, ROUTE, merchants
from pattern_page.csv_export import csv_pieces
from pattern_page.detection_table import Filter
from pattern_page.headers import SecurityHeaders
from pattern_page.series import SPANS
from pattern_page.sources import Sources
from pattern_page.state import StateCache

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGE_ROWS = 25

Text = Annotated[str, Query(max_length=200)]
Span = Annotated[str, Query(pattern=f"^({'|'.join(SPANS)})$")]
SortColumn = Annotated[str, Query(pattern=f"^({'|'.join(merchants.SORTABLE)})$")]


def _filter(pattern: Text = "", merchant: Text = "", customer: Text = "") -> Filter:
    return Filter(pattern, merchant, customer)


Conditions = Annotated[Filter, Depends(_filter)]


def create_app(
    sources: Sources, require_access: Callable[..., None], dag_access: Callable[..., Any], now: Callable[[], datetime]
) -> FastAPI:
    """Return the app.

    Args:
        require_access: dependency of every route, assets included, that raises 401 or 403.
        dag_access: dependency with a method `visible`, see `access.DagAccess`.
    """
    app = FastAPI(
        title="Pattern detection",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(require_access)],
    )
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(StarletteHTTPException, _handle_error)
    assets = {path.name: _Asset(path) for path in _STATIC.iterdir()}
    cache = StateCache(now)

    @app.get("/")
    def page(request: Request) -> Response:
        return assets["page.html"].answer(request)

    @app.get("/static/{name}")
    def asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise HTTPException(404, f"There is no asset {name}.")
        return assets[name].answer(request)

    @app.get("/api/state")
    def state(request: Request, access: Annotated[Any, Depends(dag_access)], span: Span = "1h") -> Response:
        snapshot = sources.poll()
        visible = access.visible([dag.dag_id for dag in snapshot.dags.value or ()])
        body, etag = cache.get(span, snapshot, visible)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, media_type="application/json", headers={"ETag": etag})

    @app.get("/api/detections")
    def detections(conditions: Conditions, before: Annotated[int | None, Query(ge=0)] = None) -> Response:
        return _json(sources.tables().detections.latest(conditions, _PAGE_ROWS, before))

    @app.get("/api/detections.csv")
    def detections_csv(conditions: Conditions) -> Response:
        rows = sources.tables().detections.matching(conditions)
        headers = {"Content-Disposition": 'attachment; filename="detections.csv"'}
        return StreamingResponse(csv_pieces(rows), media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/api/files/{number}")
    def file(number: int) -> Response:
        path = sources.tables().detections.file(number)
        data = sources.file(path) if path else None
        if path is None or data is None:
            raise HTTPException(404, f"File {number} has not been written yet.")
        # As plain text, so that the browser shows its exact bytes, and no spreadsheet opens it.
        headers = {"Content-Disposition": f'inline; filename="{path.rpartition("/")[2]}"'}
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    @app.get("/api/merchants")
    def merchant_rows(
        sort: SortColumn = "transactions",
        order: Literal["ascending", "descending"] = "descending",
        search: Text = "",
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        rows, descending = sources.tables().merchants, order == "descending"
        return _json(merchants.sorted_page(rows, search, sort, descending=descending, offset=offset, limit=_PAGE_ROWS))

    @app.get("/api/merchants/history")
    def merchant_history(merchant: Text) -> Response:
        return _json({"merchant": merchant, "rows": merchants.thin_history(sources.merchant_history(merchant))})

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


def _json(content: Any) -> Response:
    return Response(json.dumps(content, allow_nan=False), media_type="application/json")


async def _handle_error(request: Request, error: Exception) -> Response:
    """Return an error as JSON, but redirect a browser that opens the page without a login to Airflow's login."""
    assert isinstance(error, StarletteHTTPException)
    opened = request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    if error.status_code == 401 and opened:
        root = str(request.scope.get("root_path", "")).removesuffix(PREFIX)
        back = quote(f"{root}/plugin/{ROUTE}", safe="")
        return RedirectResponse(f"{root}/api/v2/auth/login?next={back}", 303)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
