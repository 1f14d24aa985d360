"""The requests of a job, one by one, and what can become of each."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_LONG_NUMBER = re.compile(r"\d{8,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """What a client is sent. Of the body at most `sent` bytes are, then the connection is cut; None sends all."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent: int | None = None

    @classmethod
    def error(cls, status: int, code: str) -> "Answer":
        """Return an error as S3 words it."""
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        return cls(status, [("Content-Type", "application/xml")], body)


class ConnectionCut(Exception):  # noqa: N818 - what happens to it, not an error of ours
    """The client gets no answer."""


@dataclass(frozen=True)
class Operation:
    """One request of a job.

    Attributes:
        number: from 0, in the order in which the requests came.
        method: of HTTP, or `LIST`, or `DELETE MANY`.
        key: of the object; of a listing, its prefix.
        body: what came with it.
        conditional: whether it has If-Match or If-None-Match.
        apply: lets it take effect, and returns its true answer.
        apply_half: lets half of it take effect, where it has halves.
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
        """What it is, the same in every run: numbers and random names left out."""
        return f"{self.method} {_LONG_NUMBER.sub('N', _UUID.sub('U', self.key))}"


Fault = Callable[[Operation], Answer]
