"""The questions that browsers post. They are not in URLs, because URLs are logged and the questions name customers."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pattern_page import merchants
from pattern_page.detection_table import Filter

# The longest names, with every character escaped, are shorter.
_BODY_BYTES = 16_384

Text = Annotated[str, Field(max_length=200)]
Number = Annotated[int, Field(ge=0, lt=2**63)]
Q = TypeVar("Q", bound=BaseModel)


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DetectionsQuestion(_Question):
    """Which detections; "" for any, see `Filter`. With `before`, only those with a smaller seq."""

    pattern: Text = ""
    merchant: Text = ""
    customer: Text = ""
    before: Number | None = None

    @property
    def conditions(self) -> Filter:
        """The conditions on detections."""
        return Filter(self.pattern, self.merchant, self.customer)


class MerchantsQuestion(_Question):
    """Which page of the merchants, in which order."""

    sort: Annotated[str, Field(pattern=f"^({'|'.join(merchants.SORTABLE)})$")] = "transactions"
    order: Literal["ascending", "descending"] = "descending"
    search: Text = ""
    offset: Number = 0


class HistoryQuestion(_Question):
    """The merchant whose history is shown."""

    merchant: Text


class ExplainQuestion(_Question):
    """The merchant, and the customer of it, for whom the patterns are explained; "" for the merchant alone."""

    merchant: Annotated[str, Field(min_length=1, max_length=200)]
    customer: Text = ""


def posted(model: type[Q]) -> Callable[[Request], Awaitable[Q]]:
    """Return a dependency that parses the posted question.

    It raises HTTPException: 403 if another website sent it, 415 if it is not JSON, 413 if it is too long, 422 if it is
    not valid.
    """

    async def parse(request: Request) -> Q:
        _verify_origin(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "Send the question as JSON, with `Content-Type: application/json`")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_BYTES:
                raise HTTPException(413, f"The question is longer than {_BODY_BYTES} bytes; shorten it")
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, _describe(error)) from None

    return parse


def _verify_origin(request: Request) -> None:
    """Refuse what a page of another website made a browser send; other clients send neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site == "same-origin"
    else:
        hosts = (request.headers.get("host"), request.headers.get("x-forwarded-host"))
        ours = origin is None or urlsplit(origin).netloc in hosts
    if not ours:
        msg = "This request was sent by another website; if it was not, have the proxy pass on the header `Host`"
        raise HTTPException(403, msg)


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'question'}: {problem['msg']}" for problem in problems)
