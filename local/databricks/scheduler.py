"""Advances an active run: out of the queue, through its tasks and their retries, to its end."""

from collections.abc import Callable
from dataclasses import dataclass

from local.databricks import transitions
from local.databricks.attempts import Attempts
from local.databricks.model import Run, State


@dataclass(frozen=True)
class Scheduler:
    """Advances runs. Callers must hold the engine's lock.

    Attributes:
        has_slot: whether a queued run may leave the queue.
        start_delay_millis: cluster start time of each run.
    """

    attempts: Attempts
    has_slot: Callable[[Run], bool]
    start_delay_millis: int

    def advance(self, run: Run, now: int) -> None:
        """Bring a run, its attempts and their processes up to date."""
        if run.state.life_cycle == "QUEUED" and self.has_slot(run):
            run.state = State("PENDING")
        if run.cancelled and run.state.life_cycle in ("QUEUED", "PENDING"):
            _end(run, transitions.CANCELLED, now)
        if run.state.life_cycle == "PENDING" and now >= run.created + self.start_delay_millis:
            run.state, run.started = State("RUNNING"), now
        if run.state.life_cycle in ("RUNNING", "TERMINATING"):
            self._advance_tasks(run, now)

    def _advance_tasks(self, run: Run, now: int) -> None:
        run_timed_out = transitions.timed_out(run.settings, run.started, now)
        for attempt in list(run.active_attempts()):
            self.attempts.advance(run, attempt, now, run_timed_out=run_timed_out)
        if not run.cancelled and not run_timed_out:
            self._start_tasks(run, now)
        for key, result in transitions.upstream_failed(run):
            attempt = self.attempts.add(run, key, now, now)
            attempt.state.end(result, result, "A task that this task depends on has not succeeded.")
            attempt.ended = now
        outcome = transitions.result_of(run)
        if outcome is None and (run.cancelled or run_timed_out) and not any(run.active_attempts()):
            # Some tasks never started.
            outcome = transitions.CANCELLED if run.cancelled else transitions.RUN_TIMED_OUT
        if outcome:
            _end(run, outcome, now)

    def _start_tasks(self, run: Run, now: int) -> None:
        for task in run.tasks:
            last = run.last_attempt(task["task_key"])
            if last and not last.state.is_active:
                due = transitions.retry_due(task, last)
                if due is not None:
                    self.attempts.add(run, task["task_key"], now, due)
        for task in transitions.ready_tasks(run):
            self.attempts.add(run, task["task_key"], now, now)
        for attempt in run.active_attempts():
            if attempt.process is None and attempt.exit_code is None and now >= attempt.due:
                self.attempts.launch(run, attempt, now)


def _end(run: Run, outcome: transitions.Outcome, now: int) -> None:
    run.state.end(*outcome)
    run.ended = now
    if run.repairs and "end_time" not in run.repairs[-1]:
        run.repairs[-1]["end_time"] = now
    if run.started is None:
        run.started = now
