"""The storage requests of a job, and the responses to them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_LONG_NUMBER = re.compile(r"\d{8,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """A response. The connection is cut after `sent` bytes of the body; None sends all."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent: int | None = None

    @classmethod
    def error(cls, status: int, code: str) -> "Answer":
        """Return an error response of S3."""
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        return cls(status, [("Content-Type", "application/xml")], body)


class ConnectionCut(Exception):  # noqa: N818 - an event, not an error
    """The connection is cut without a response."""


@dataclass(frozen=True)
class Operation:
    """One request of a job.

    Attributes:
        number: from 0, in order of arrival.
        method: an HTTP method, `LIST` or `DELETE MANY`.
        key: key of the object, or prefix of the listing.
        body: the body of the request.
        conditional: whether it has If-Match or If-None-Match.
        apply: executes it and returns the true response.
        apply_half: executes half of it, if it deletes several objects.
    """

    number: int
    method: str
    key: str
    body: bytes
    conditional: bool
    apply: Callable[[], Answer]
    apply_half: Callable[[], None]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method in ("PUT", "POST", "DELETE", "DELETE MANY")

    @property
    def label(self) -> str:
        """Method and key without numbers and random names: the same in every run."""
        return f"{self.method} {_LONG_NUMBER.sub('N', _UUID.sub('U', self.key))}"


Fault = Callable[[Operation], Answer]
