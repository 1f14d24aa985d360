"""A change of the rules over Airflow's REST API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# A higher threshold of PatId2 than that of `THRESHOLDS`, and a fourth pattern.
RULES = """
[[pattern]]
id = "PatId1"
action = "UPGRADE"
subject = "pair"
when = [
  "merchant.transactions > 5000",
  "transactions >= percentile(transactions, 90)",
  "mean_weight <= percentile(mean_weight, 10)",
]

[[pattern]]
id = "PatId2"
action = "CHILD"
subject = "pair"
when = ["transactions >= 12", "mean_amount < 23"]

[[pattern]]
id = "PatId3"
action = "DEI-NEEDED"
subject = "merchant"
when = ["female_customers > 40", "female_customers < male_customers"]

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
