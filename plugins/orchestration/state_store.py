"""What the DAGs remember between runs: JSON values by name, kept in Airflow variables."""

from typing import Any, Protocol


class StateStore(Protocol):
    """Keeps JSON values; `orchestration.variables` has the one in Airflow's database."""

    def read(self, name: str) -> Any:
        """Return a value, or None if there is none."""

    def write(self, name: str, value: Any) -> None:
        """Replace a value."""


class VariableMalformedError(ValueError):
    """Raised when an Airflow variable is not what it must be; the message names it, the problem and the remedy."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"Airflow variable {name}: {problem}")
