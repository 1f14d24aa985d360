"""The status of the chunker's job, from answers of the Jobs API."""

from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.chunker_plan import FollowingRun, FollowStatus
from orchestration.follower_job import FollowerJob
from orchestration.supervise import Action, EndedRun, Step

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOW.replace(minute=minute)


def run(run_id: int, life_cycle: str, seconds: str | None = "3600", result: str | None = None) -> dict[str, Any]:
    """Return a run as `runs/list` does, started in the minute of its number."""
    state = {"life_cycle_state": life_cycle} | ({"result_state": result} if result else {})
    parameters = [{"name": "follow-seconds", "default": "3600", "value": seconds}] if seconds else []
    return {
        "run_id": run_id,
        "state": state,
        "start_time": round(at(run_id).timestamp() * 1000),
        "job_parameters": parameters,
    }


class Hook:
    """Answers as Airflow's hook does, from runs in memory, newest first."""

    def __init__(self, default: str | None = "3600", ended: tuple[Any, ...] = (), live: tuple[Any, ...] = ()) -> None:
        self.parameters = [{"name": "follow-seconds", "default": default}] if default else []
        self.ended, self.live = ended, live
        self.started: list[dict[str, Any]] = []

    def find_job_id_by_name(self, name: str) -> int:
        return len(name)

    def _do_api_call(self, endpoint: tuple[str, str], arguments: dict[str, Any]) -> dict[str, Any]:
        if endpoint[1].endswith("jobs/get"):
            return {"settings": {"parameters": self.parameters}}
        if "active_only" in arguments:
            return {"runs": list(self.live)}
        return {"runs": list(self.ended if "completed_only" in arguments else (*self.live, *self.ended))}

    def get_run(self, run_id: int) -> dict[str, Any]:
        return {"run_id": run_id, "tasks": []}

    def run_now(self, request: dict[str, Any]) -> None:
        self.started.append(request)


def status_of(hook: Hook) -> FollowStatus | None:
    return FollowerJob(hook, "chunker", "token").status(NOW)  # type: ignore[arg-type]


def test_only_runs_that_follow_and_are_not_being_cancelled_count() -> None:
    hook = Hook(
        ended=(
            run(5, "SKIPPED", result="MAXIMUM_CONCURRENT_RUNS_REACHED"),
            run(4, "TERMINATED", "0", "FAILED"),
            run(1, "TERMINATED", result="FAILED"),
        ),
        live=(run(9, "PENDING"), run(8, "TERMINATING"), run(7, "RUNNING", "0"), run(6, "RUNNING", None)),
    )
    live = [FollowingRun(minute, at(minute), at(minute) + timedelta(hours=1)) for minute in (6, 9)]
    starts = tuple(map(at, (9, 8, 6, 1)))
    assert status_of(hook) == FollowStatus(3600, tuple(live), starts, EndedRun(1, at(1), failed=True))


def test_a_job_without_the_parameter_does_not_follow() -> None:
    assert status_of(Hook(default=None)) == status_of(Hook(default="0")) == FollowStatus(0)


def test_a_run_is_started_under_the_token_of_its_task() -> None:
    hook = Hook()
    FollowerJob(hook, "chunker", "token").apply(Step(Action.START, "none is live"))  # type: ignore[arg-type]
    assert hook.started == [{"job_id": 7, "idempotency_token": "token"}]
