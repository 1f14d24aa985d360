"""Runs of this product's DAGs are deleted through the REST API in pages; `releases` has a test of a real one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from orchestration.dag_ids import DAG_IDS
from orchestration.prune import PruningError
from orchestration.prune_runs import PAGE_RUNS, MwaaRestApi, prune_runs
from tests.harness.mwaa import ENVIRONMENT, mwaa

NOW = datetime(2026, 1, 10, tzinfo=UTC)


class Runs:
    """The runs of an Airflow, behind the part of its REST API that pruning uses.

    Attributes:
        running: ids of runs that cannot be deleted.
        pages: how many times runs were deleted.
    """

    def __init__(self, number: int) -> None:
        self.by_dag = {dag_id: {f"{n}": NOW - timedelta(hours=n) for n in range(number)} for dag_id in DAG_IDS}
        self.running: set[str] = set()
        self.pages = 0

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        newest_first = query["order_by"] == "-run_after"
        until = datetime.max.replace(tzinfo=UTC) if newest_first else datetime.fromisoformat(query["run_after_lt"])
        found = sorted(((at, run_id) for run_id, at in self._runs(path).items() if at < until), reverse=newest_first)
        return {"dag_runs": [{"dag_run_id": run_id} for _, run_id in found[: query["limit"]]]}

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        self.pages += 1
        [action] = body["actions"]
        active = [run_id for run_id in action["entities"] if run_id in self.running]
        gone = [run_id for run_id in action["entities"] if run_id not in active and run_id in self._runs(path)]
        for run_id in gone:
            del self._runs(path)[run_id]
        return {"delete": {"success": gone, "errors": [{"error": f"{run_id} is running"} for run_id in active]}}

    def _runs(self, path: str) -> dict[str, datetime]:
        return self.by_dag[path.removeprefix("/dags/").removesuffix("/dagRuns")]


def test_old_runs_are_deleted_in_pages_and_recent_ones_stay() -> None:
    runs = Runs(3 * PAGE_RUNS)
    assert prune_runs(runs, NOW - timedelta(hours=9)) == len(DAG_IDS) * (3 * PAGE_RUNS - 10)
    assert all(set(left) == {f"{n}" for n in range(10)} for left in runs.by_dag.values())
    assert runs.pages == len(DAG_IDS) * 3


def test_the_newest_scheduled_run_of_a_paused_dag_is_kept() -> None:
    runs = Runs(5)
    prune_runs(runs, NOW + timedelta(days=30))
    assert all(set(left) == {"0"} for left in runs.by_dag.values())


def test_a_run_that_is_still_active_is_an_error_after_the_others_are_deleted() -> None:
    runs = Runs(5)
    runs.running = {"4"}
    with pytest.raises(PruningError, match=f"{DAG_IDS[0]}: 1 old runs were not deleted: 4 is running"):
        prune_runs(runs, NOW)
    assert set(runs.by_dag[DAG_IDS[0]]) == {"0", "4"}


def test_runs_that_somebody_else_has_just_deleted_are_no_error() -> None:
    class Raced(Runs):
        def patch(self, path: str, body: Mapping[str, Any]) -> Any:
            super().patch(path, body)
            return {"delete": {"success": [], "errors": []}}

    runs = Raced(5)
    assert prune_runs(runs, NOW) == 0
    assert all(set(left) == {"0"} for left in runs.by_dag.values())


def test_mwaas_web_server_is_called_with_the_session_and_its_refusals_name_environment_and_permission(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[tuple[int, Any]] = [(200, {"dag_runs": []}), (200, {"delete": {}})]
    answers += [(status, {"detail": "Forbidden"}) for status in (401, 403, 504)]
    asked: list[Any] = []

    def airflow(*request: Any) -> tuple[int, Any]:
        asked.append(request)
        return answers.pop(0)

    api = mwaa(monkeypatch, airflow)
    assert api.get("/dags/a/dagRuns", {"limit": 1}) == {"dag_runs": []}
    assert api.patch("/dags/a/dagRuns", {"actions": [{}]}) == {"delete": {}}
    assert asked == [
        ("GET", "/dags/a/dagRuns", {"limit": "1"}, {}),
        ("PATCH", "/dags/a/dagRuns", {}, {"actions": [{}]}),
    ]
    while answers:
        status = answers[0][0]
        expected = rf"{ENVIRONMENT}: GET /dags/a/dagRuns failed \(HTTPError: {status} .*`airflow:CreateWebLoginToken`"
        with pytest.raises(PruningError, match=expected):
            api.get("/dags/a/dagRuns", {})


def test_a_refusal_of_aws_names_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")
    api = MwaaRestApi(ENVIRONMENT, "")
    with Stubber(api.hook.conn) as stubber:
        stubber.add_client_error("create_web_login_token", "AccessDeniedException", http_status_code=403)
        with pytest.raises(PruningError, match=rf"{ENVIRONMENT}: GET .*AccessDeniedException.*CreateWebLoginToken"):
            api.get("/dags/a/dagRuns", {})
