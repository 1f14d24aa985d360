"""What a request says: GET parameters from the query and from a JSON body, typed as the API has them."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from local.databricks.errors import ApiError, invalid
from local.databricks.model import Json


@dataclass(frozen=True)
class Arguments:
    """The values of a request by name; a value of another type than asked for is an `INVALID_PARAMETER_VALUE`."""

    values: Json

    def number(self, name: str) -> int:
        """Return a number that must be there."""
        found = self.optional_number(name)
        if found is None:
            raise invalid(f"Missing required field: {name}")
        return found

    def optional_number(self, name: str) -> int | None:
        """Return a number."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
            raise invalid(f"{name} must be a number, it is {value!r}.")
        return int(value)

    def flag(self, name: str) -> bool:
        """Return whether a flag is set."""
        value = self.values.get(name, False)
        if isinstance(value, str):
            if value.lower() not in ("true", "false"):
                raise invalid(f"{name} must be true or false, it is {value!r}.")
            return value.lower() == "true"
        return bool(value)

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def limit(self, most: int, usual: int) -> int:
        """Return how many entries a page has."""
        limit = self.optional_number("limit")
        if limit is not None and not 0 <= limit <= most:
            raise invalid(f"limit must be from 0 to {most}, it is {limit}.")
        return limit or usual

    def page(self) -> int | None:
        """Return below which number this page begins, None for the first page."""
        token = self.text("page_token")
        if not token:
            return None
        try:
            return int(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, binascii.Error) as error:
            raise invalid(f"Invalid page token: {token}") from error


def page_token(last: int) -> str:
    """Return the token of the page that begins below a number."""
    return base64.urlsafe_b64encode(str(last).encode()).decode()


async def arguments(request: Request) -> Arguments:
    """Read a request's values; those of the body win, as only Airflow's triggerer sends both.

    Raises:
        ApiError: the body is no JSON object.
    """
    values: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if body:
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ApiError(
                400, "MALFORMED_REQUEST", f"Invalid JSON given in the body of the request: {error}"
            ) from error
        if not isinstance(found, dict):
            raise ApiError(400, "MALFORMED_REQUEST", "The body of the request must be a JSON object.")
        values.update(found)
    return Arguments(values)
