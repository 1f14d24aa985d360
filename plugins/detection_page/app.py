"""The page as a web app: one page, its assets, and the data it asks for. It answers GET, and changes nothing."""

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

from detection_page import PREFIX, ROUTE, merchants
from detection_page.detections import Filter
from detection_page.detections_csv import csv_pieces
from detection_page.headers import SecurityHeaders
from detection_page.series import SPANS
from detection_page.sources import Sources
from detection_page.state_cache import StateCache

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGE_ROWS = 25

Text = Annotated[str, Query(max_length=200)]


def create_app(
    sources: Sources, require_access: Callable[..., None], dag_access: Callable[..., Any], now: Callable[[], datetime]
) -> FastAPI:
    """Return the app.

    Args:
        require_access: a dependency that raises 401 or 403; every route, assets among them, stands behind it.
        dag_access: a dependency with the method `visible`, see `access.DagAccess`.
    """
    app = FastAPI(
        title="Pattern detection",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(require_access)],
    )
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(StarletteHTTPException, _explain)
    assets = {path.name: _Asset(path) for path in _STATIC.iterdir()}
    cache = StateCache(now)

    @app.get("/")
    def page(request: Request) -> Response:
        return assets["page.html"].answer(request)

    @app.get("/static/{name}")
    def asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise HTTPException(404, f"There is no {name} here.")
        return assets[name].answer(request)

    @app.get("/api/state")
    def state(request: Request, access: Annotated[Any, Depends(dag_access)], span: str = "1h") -> Response:
        if span not in SPANS:
            raise HTTPException(422, f"span is one of {', '.join(SPANS)}")
        sight = sources.look()
        visible = access.visible([dag.dag_id for dag in sight.dags.value or ()])
        body, etag = cache.get(span, sight, visible)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, media_type="application/json", headers={"ETag": etag})

    @app.get("/api/detections")
    def detections(
        pattern: Text = "",
        merchant: Text = "",
        customer: Text = "",
        before: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        wanted = Filter(pattern, merchant, customer)
        return _json(sources.tables().detections.latest(wanted, _PAGE_ROWS, before))

    @app.get("/api/detections.csv")
    def detections_csv(pattern: Text = "", merchant: Text = "", customer: Text = "") -> Response:
        rows = sources.tables().detections.matching(Filter(pattern, merchant, customer))
        headers = {"Content-Disposition": 'attachment; filename="detections.csv"'}
        return StreamingResponse(csv_pieces(rows), media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/api/files/{number}")
    def file(number: int) -> Response:
        path = sources.tables().detections.file(number)
        data = sources.file(path) if path else None
        if path is None or data is None:
            raise HTTPException(404, f"File {number} is not written yet.")
        # As text: exactly its bytes, and no spreadsheet opens them by itself.
        headers = {"Content-Disposition": f'inline; filename="{path.rpartition("/")[2]}"'}
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    @app.get("/api/merchants")
    def merchant_rows(
        sort: str = "transactions",
        order: Literal["ascending", "descending"] = "descending",
        part: Text = "",
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        if sort not in merchants.SORTABLE:
            raise HTTPException(422, f"sort is one of {', '.join(merchants.SORTABLE)}")
        found = merchants.sorted_page(
            sources.tables().merchants,
            part,
            sort,
            descending=order == "descending",
            offset=offset,
            limit=_PAGE_ROWS,
        )
        return _json(found)

    @app.get("/api/merchants/history")
    def merchant_history(merchant: Text) -> Response:
        return _json({"merchant": merchant, "rows": merchants.history_view(sources.merchant_history(merchant))})

    return app


class _Asset:
    """A file of ours, kept by browsers as long as it is the same."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._type = f"{_TYPES[path.suffix]}"
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


async def _explain(request: Request, error: Exception) -> Response:
    """Answer an error in JSON; who opens the page itself without a login is led to Airflow's, and from there back."""
    assert isinstance(error, StarletteHTTPException)
    opened = request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    if error.status_code == 401 and opened:
        root = str(request.scope.get("root_path", "")).removesuffix(PREFIX)
        back = quote(f"{root}/plugin/{ROUTE}", safe="")
        return RedirectResponse(f"{root}/api/v2/auth/login?next={back}", 303)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
