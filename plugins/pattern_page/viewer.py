"""Who looks at the page, and what they may see."""

from dataclasses import dataclass

from orchestration.dag_ids import DAG_IDS

_ASK = "ask an administrator of Airflow for permission to read the runs of"


@dataclass(frozen=True)
class Viewer:
    """A logged-in user who may open the page.

    Attributes:
        user: Airflow's id of the user.
        dags: the product's DAGs whose runs the user may read.
    """

    user: str
    dags: frozenset[str]

    @property
    def sees_figures(self) -> bool:
        """Whether the user sees progress and runs: of the DAGs that they may read."""
        return bool(self.dags)

    @property
    def sees_customers(self) -> bool:
        """Whether the user sees customers and merchants, which all DAGs together read."""
        return self.dags >= set(DAG_IDS)


def no_figures() -> str:
    """Return why a user sees nothing."""
    return f"This page shows the DAGs that you may read, and you may read none; {_ASK} {', '.join(DAG_IDS)}"


def no_customers(dags: frozenset[str]) -> str:
    """Return why a user who may read these DAGs sees no customers, or "" if they do."""
    missing = [dag_id for dag_id in DAG_IDS if dag_id not in dags]
    return f"Customers and merchants are hidden from you; {_ASK} {', '.join(missing)}" if missing else ""
