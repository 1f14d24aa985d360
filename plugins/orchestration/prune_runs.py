"""Pruning of old DAG runs through Airflow's REST API, for MWAA, where no task reaches Airflow's database.

A run is deleted with its task instances, their histories and XComs. The audit log has no such API, so it stays.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from airflow.providers.amazon.aws.hooks.mwaa import MwaaHook
from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from orchestration.dag_ids import DAG_IDS
from orchestration.prune import PruningError

# Airflow's default `maximum_page_limit`; the hook waits 10 s for an answer.
PAGE_RUNS = 100


class RestApi(Protocol):
    """Airflow's REST API; paths begin below `/api/v2`."""

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """Return the answer to a GET request."""

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a PATCH request."""


class MwaaRestApi:
    """The REST API of an MWAA environment, called at its web server with a token that AWS issues.

    AWS's own way to it, `InvokeRestApi`, reaches a private web server only through a VPC endpoint that costs money.

    Args:
        environment: its name.
        aws_connection: as in the settings; "" for the machine's own credentials.
    """

    def __init__(self, environment: str, aws_connection: str) -> None:
        self.hook = MwaaHook(aws_conn_id=aws_connection or None)
        self._environment = environment

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """Return the answer to a GET request; raises PruningError."""
        return self._call("GET", path, query_params=dict(query))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a PATCH request; raises PruningError."""
        return self._call("PATCH", path, body=dict(body))

    def _call(self, method: str, path: str, **content: dict[str, Any]) -> Any:
        name = self._environment
        try:
            answer = self.hook.invoke_rest_api(
                name, path, method, generate_local_token=True, airflow_version=3, **content
            )
        # The hook takes the token from a cookie of the login.
        except (BotoCoreError, ClientError, RequestException, KeyError) as error:
            problem = f"MWAA environment {name}: {method} {path} failed ({type(error).__name__}: {error})"
            remedy = "let workers reach its web server, and grant `airflow:CreateWebLoginToken` for the role `User`"
            raise PruningError(f"{problem}; {remedy}") from error
        return answer["RestApiResponse"]


def prune_runs(api: RestApi, before: datetime) -> int:
    """Delete the runs of this product's DAGs that were due before a time, and return their number.

    The newest scheduled run of each DAG is kept, as `airflow db clean` does. May be repeated after an error.

    Raises:
        PruningError: the API refuses; or runs are still active, and therefore not deleted.
    """
    return sum(_prune_dag(api, dag_id, before) for dag_id in DAG_IDS)


def _prune_dag(api: RestApi, dag_id: str, before: datetime) -> int:
    path = f"/dags/{dag_id}/dagRuns"
    newest = api.get(path, {"run_type": "scheduled", "order_by": "-run_after", "limit": 1})
    kept = _run_ids(newest)
    old = {"run_after_lt": f"{before:%Y-%m-%dT%H:%M:%SZ}", "order_by": "run_after", "limit": PAGE_RUNS}
    deleted = 0
    while run_ids := [run_id for run_id in _run_ids(api.get(path, old)) if run_id not in kept]:
        action = {"action": "delete", "entities": run_ids, "action_on_non_existence": "skip"}
        answer = api.patch(path, {"actions": [action]})["delete"]
        deleted += len(answer["success"])
        if answer["errors"] and not answer["success"]:
            msg = f"{dag_id}: {len(answer['errors'])} old runs were not deleted: {answer['errors'][0]['error']}"
            raise PruningError(msg)
    return deleted


def _run_ids(answer: Any) -> list[str]:
    return [str(run["dag_run_id"]) for run in answer["dag_runs"]]
