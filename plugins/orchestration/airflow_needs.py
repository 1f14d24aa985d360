"""Settings of Airflow that a run every 5 seconds needs, as listed in `airflow_needs.json`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestration.alerts import Alert, Severity


@dataclass(frozen=True)
class Need:
    """A setting of Airflow that must not be higher than a value.

    Attributes:
        at_most: the highest value with which the DAGs keep their pace; seconds.
        otherwise: what happens with Airflow's default.
    """

    section: str
    name: str
    at_most: float
    otherwise: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"AIRFLOW__{self.section.upper()}__{self.name.upper()}"


def read_needs() -> list[Need]:
    """Return all needs."""
    values = json.loads(Path(__file__).with_suffix(".json").read_text())
    return [Need(*option.split("."), **need) for option, need in values.items()]


def settings_alerts(read: Callable[[str, str], float | None]) -> list[Alert]:
    """Return one alert that names each setting of this Airflow that is too high, or none.

    Args:
        read: returns the value of a setting by section and name, None if this Airflow does not have it.
    """
    found = [(need, read(need.section, need.name)) for need in read_needs()]
    missing = [
        f"{need.variable}={need.at_most:g} (it is {value:g}: {need.otherwise})"
        for need, value in found
        if value is not None and value > need.at_most
    ]
    if not missing:
        return []
    message = f"Airflow is set for slower DAGs; set for all of its components {', '.join(missing)}"
    return [Alert("airflow-settings", Severity.WARNING, message)]
