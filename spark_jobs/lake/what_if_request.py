"""`what_if/<report>/request.json`: what a what-if was asked for, created once.

It fixes everything that the report depends on, so that all tries under one id make the same report.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from spark_jobs.errors import WhatIfError
from spark_jobs.lake.layout import WHAT_IF

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_Content = TypeVar("_Content")


@dataclass(frozen=True)
class WhatIfRequest:
    """The inputs of a what-if.

    Attributes:
        asked: the range as it was asked for, such as `--last-hours 24`.
        rules: the text of the rules, TOML.
        importance_etag: ETag of the importance file, "" without one.
        from_line: the line at which the what-if begins.
        through_line: the committed line at the start.
        newest_version: the newest published version of the rules at the start, 0 if none was published.
        first_chunk_line: first line of the oldest chunk that was kept.
        first_start_line: the first line at which a what-if could begin; None if there was none.
        notes: remarks on range and inputs.
        requested_at: with UTC offset.
    """

    asked: str
    rules: str
    importance_etag: str
    from_line: int
    through_line: int
    newest_version: int
    first_chunk_line: int
    first_start_line: int | None
    notes: Sequence[str]
    requested_at: datetime

    def is_of(self, other: "WhatIfRequest") -> bool:
        """Return whether both ask for the same: range, rules and importance file."""
        return (self.asked, self.rules, self.importance_etag) == (other.asked, other.rules, other.importance_etag)


def parse_report_id(text: str) -> str:
    """Return an id of a report.

    Raises:
        ValueError: it is not one.
    """
    if not _ID.fullmatch(text):
        msg = f"{text!r} is not an id of a report: use up to 100 letters (A-Z, a-z), digits, '.', '_' and '-'"
        raise ValueError(msg)
    return text


def request_path(report: str) -> str:
    """Return the path of a report's request."""
    return f"{WHAT_IF}/{report}/request.json"


def claim_request(lake: "Objects", report: str, request: WhatIfRequest) -> WhatIfRequest:
    """Record a request under the id of its report; return the recorded one, whose range may be that of an earlier try.

    Raises:
        WhatIfError: the id belongs to a request for something else.
    """
    path = request_path(report)
    lake.create(path, format_request(request))
    recorded = find_request(lake, report) or request
    if not recorded.is_of(request):
        msg = (
            f"{lake.place(path)} asks for {recorded.asked} with other rules, range or weights; choose another --report"
        )
        raise WhatIfError(msg)
    return recorded


def find_request(lake: "Objects", report: str) -> WhatIfRequest | None:
    """Return the request of a report, or None if it does not exist.

    Raises:
        WhatIfError: it is not what this release writes.
    """
    path = request_path(report)
    stored = lake.find(path)
    return parse_request(stored.data, lake.place(path)) if stored else None


def format_request(request: WhatIfRequest) -> bytes:
    """Return a request as a JSON object of its attributes."""
    return json.dumps(request_values(request), indent=1).encode()


def parse_request(data: bytes, place: str) -> WhatIfRequest:
    """Parse what `format_request` returns; `place` names the object in errors.

    Raises:
        WhatIfError: it is something else.
    """
    return parse_json(data, place, build_request)


def request_values(request: WhatIfRequest) -> dict[str, Any]:
    """Return a request as values of JSON."""
    return {**asdict(request), "requested_at": request.requested_at.isoformat()}


def build_request(values: Mapping[str, Any]) -> WhatIfRequest:
    """Return the request in what `request_values` returns."""
    return WhatIfRequest(**{**values, "requested_at": datetime.fromisoformat(values["requested_at"])})


def parse_json(data: bytes, place: str, build: Callable[[Any], _Content]) -> _Content:
    """Return what `build` makes of a JSON value; `place` names the object in errors.

    Raises:
        WhatIfError: it is no JSON, or nothing that `build` accepts.
    """
    try:
        return build(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{place}: not a what-if of this release ({error!r}); deploy DAGs and jobs of one release"
        raise WhatIfError(msg) from error
