"""Keeping the master file followed, as tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.alerts import Severity
from orchestration.chunker_plan import FollowingRun, FollowStatus, plan_following
from orchestration.observe import Observation
from orchestration.settings import Settings
from orchestration.supervise import Action, EndedRun

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
# Longer than the 180 s that a run may take to start, and the 120 s after which waiting lines are late.
FOLLOW_SECONDS = 21_600


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def run(run_id: int, age: float) -> FollowingRun:
    return FollowingRun(run_id, ago(age), ago(age - FOLLOW_SECONDS))


def job(*live: FollowingRun, ended: EndedRun | None = None, starts: Sequence[float] = ()) -> FollowStatus:
    return FollowStatus(FOLLOW_SECONDS, live, tuple(map(ago, starts)), ended)


START = (Action.START, None)
FRESH, OLD, NEARLY_UP = run(2, 10), run(1, 1000), run(1, FOLLOW_SECONDS - 179)
ENDED = EndedRun(7, ago(30))
FAILED = replace(ENDED, failed=True)
PERMANENT = replace(FAILED, permanent_error="the file shrank")
WELL = Observation(NOW, source_size=9, source_modified_at=ago(60), offset_written_at=ago(60))
CHANGED = replace(WELL, source_modified_at=ago(29))
WAITING = replace(WELL, unlanded_since=ago(121), offset_written_at=ago(121))


@pytest.mark.parametrize(
    ("job", "seen", "steps", "alerts"),
    [
        (job(OLD), WELL, [], []),
        # The first run of all.
        (job(), WELL, [START], []),
        (job(), Observation(NOW), [START], []),
        # The next run starts before the time of the last one is up.
        (job(run(1, FOLLOW_SECONDS - 181)), WELL, [], []),
        (job(NEARLY_UP), WELL, [START], []),
        (job(NEARLY_UP, FRESH), WELL, [], []),
        (job(NEARLY_UP, run(2, 200)), WELL, [], []),
        (job(ended=ENDED), WELL, [START], ["chunker-dead"]),
        (job(ended=FAILED), WELL, [START], ["chunker-dead"]),
        (job(FRESH, ended=FAILED), WELL, [], []),
        # A person has started a run; it replaces the other one once it is up.
        (job(OLD, FRESH), WELL, [], []),
        (job(OLD, run(2, 181)), WELL, [(Action.CANCEL, 1)], ["chunker-doubled"]),
        (job(OLD, run(2, 900), run(3, 500)), WELL, [(Action.CANCEL, 1), (Action.CANCEL, 2)], ["chunker-doubled"] * 2),
        # A stuck run is replaced, a slow one that lands is not.
        (job(OLD), WAITING, [(Action.CANCEL, 1), START], ["chunker-stuck"]),
        (job(OLD), replace(WAITING, offset_written_at=None), [(Action.CANCEL, 1), START], ["chunker-stuck"]),
        (job(OLD), replace(WAITING, offset_written_at=ago(120)), [], []),
        (job(OLD), replace(WAITING, unlanded_since=ago(120)), [], []),
        (job(run(1, 300)), WAITING, [], []),
        (job(OLD, FRESH), WAITING, [(Action.CANCEL, 1)], ["chunker-stuck"]),
        # After a permanent failure nothing is started until something changes.
        (job(ended=PERMANENT), WELL, [], ["chunker-failed"]),
        (job(ended=PERMANENT), CHANGED, [START], ["chunker-failed"]),
        (job(ended=PERMANENT), replace(WELL, offset_written_at=ago(29)), [START], ["chunker-failed"]),
        (job(NEARLY_UP, ended=PERMANENT), WELL, [], ["chunker-failed"]),
        (job(FRESH, ended=PERMANENT), WELL, [], ["chunker-failed"]),
        (job(run(2, 181), ended=replace(PERMANENT, ended_at=ago(190))), WELL, [], []),
        # One planned start an hour, and three more are allowed.
        (job(FRESH, starts=(10, 900, 1800, 2700)), WELL, [], []),
        (job(FRESH, starts=(10, 900, 1800, 2700, 3599)), WELL, [], ["chunker-restarts"]),
        (job(FRESH, starts=(10, 900, 1800, 2700, 3601)), WELL, [], []),
        (job(starts=(1, 2, 3, 4, 5), ended=FAILED), WELL, [START], ["chunker-restarts"]),
        (job(FRESH, starts=(1, 2, 3, 4, 5), ended=PERMANENT), WELL, [], ["chunker-failed"]),
        (None, WELL, [], ["chunker-missing"]),
        (FollowStatus(follow_seconds=0), WELL, [], ["chunker-not-following"]),
    ],
)
def test_one_run_is_kept_following_and_people_hear_of_repairs(
    job: FollowStatus | None, seen: Observation, steps: list[tuple[Action, int | None]], alerts: list[str]
) -> None:
    decided = plan_following(job, seen, Settings())
    assert [(step.action, step.run_id) for step in decided.steps] == steps
    assert [alert.key for alert in decided.alerts] == alerts


def test_short_runs_may_start_as_often_as_their_time_is_up() -> None:
    often = FollowStatus(600, (FRESH,), tuple(ago(300 * start) for start in range(12)))
    assert plan_following(often, WELL, Settings()).alerts == ()
    slower = replace(often, follow_seconds=1200)
    assert [alert.key for alert in plan_following(slower, WELL, Settings()).alerts] == ["chunker-restarts"]


def test_alerts_name_the_run_and_the_jobs_own_words() -> None:
    [failed] = plan_following(job(ended=PERMANENT), WELL, Settings()).alerts
    assert failed.text.startswith(
        "CRITICAL chunker-failed: run 7 failed permanently, and the next one would, too: the file shrank; "
    )
    [dead] = plan_following(job(ended=FAILED), WELL, Settings()).alerts
    assert dead.message == "no run of the chunker was live, and the next one is being started: run 7 failed"
    [mismatch] = plan_following(FollowStatus(0), WELL, Settings(chunker_job="dev-chunker")).alerts
    assert "'dev-chunker' look only once (its parameter follow-seconds is 0)" in mismatch.message
    assert mismatch.severity is Severity.CRITICAL
    [mismatch] = plan_following(FollowStatus(0, (OLD,)), WELL, Settings()).alerts
    assert mismatch.severity is Severity.WARNING, "the live run still lands"
