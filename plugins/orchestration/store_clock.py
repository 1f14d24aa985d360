"""The clock of the object store: it stamps the objects, so ages must be measured by it and by no other clock."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from spark_jobs.errors import StorageError

_SECONDS = 60.0


class StoreClock:
    """Asks the store for its time once a minute, and carries it forward by the local monotonic clock in between.

    Args:
        ask: returns the store's time.
        monotonic: seconds since any moment.
    """

    def __init__(self, ask: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._answer: datetime | None = None
        self._answered_at = 0.0

    def now(self) -> datetime:
        """Return the store's time; raises what `ask` raises."""
        if self._answer is None or self._monotonic() - self._answered_at > _SECONDS:
            self._answer, self._answered_at = self._ask(), self._monotonic()
        return self._answer + timedelta(seconds=self._monotonic() - self._answered_at)


def parse_date(headers: Mapping[str, str], store: str) -> datetime:
    """Return the time in the header `Date` of a response; names are in lower case.

    Raises:
        StorageError: there is none; `store` names the store in the message.
    """
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError) as error:
        msg = f"{store}: its responses have no valid `Date` header; use a store, or a proxy, that sends one"
        raise StorageError(msg) from error
