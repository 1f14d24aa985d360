"""A change of the rules over Airflow's REST API."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spark_jobs.patterns.built_in import BUILT_IN_TOML

_NUMBERS = {"> 50000": "> 5000", ">= 80": ">= 8", "> 100": "> 40"}
# The built-in rules with the numbers of `THRESHOLDS`.
IN_FORCE = functools.reduce(lambda text, numbers: text.replace(*numbers), _NUMBERS.items(), BUILT_IN_TOML.decode())
# A higher threshold of PatId2, and a fourth pattern.
RULES = f"""{IN_FORCE.replace("transactions >= 8", "transactions >= 12")}
[[pattern]]
id = "PatId4"
action = "REGULAR"
subject = "pair"
when = ["transactions >= 3"]
"""


@dataclass(frozen=True)
class RulesChange:
    """A run of `change_rules`.

    Attributes:
        airflow: calls the API with method, path and body, and returns the answer.
        path: of the run.
    """

    airflow: Callable[..., Any]
    path: str

    @classmethod
    def ask(cls, airflow: Callable[..., Any], **conf: object) -> "RulesChange":
        """Trigger the DAG."""
        run = airflow("POST", "/dags/change_rules/dagRuns", logical_date=None, conf=conf)
        return cls(airflow, f"/dags/change_rules/dagRuns/{run['dag_run_id']}")

    def is_requested(self) -> bool:
        """Return whether the run waits for somebody's approval."""
        return bool(self.airflow("GET", f"{self.path}/taskInstances/approve")["state"] == "awaiting_input")

    def request(self) -> dict[str, Any]:
        """Return what the approver sees."""
        found: dict[str, Any] = self.airflow("GET", f"{self._approval}/hitlDetails")
        return found

    def approve(self) -> None:
        self.airflow("PATCH", f"{self._approval}/hitlDetails", chosen_options=["Approve"])

    def state(self) -> str:
        """Return the state of the run: `success` or `failed` once it has ended."""
        return str(self.airflow("GET", self.path)["state"])

    @property
    def _approval(self) -> str:
        return f"{self.path}/taskInstances/approve/-1"
