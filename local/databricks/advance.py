"""Takes a live run as far as it can go now: out of the queue, through its tasks and their retries, to its end."""

from collections.abc import Callable
from dataclasses import dataclass

from local.databricks import progress
from local.databricks.attempts import Attempts
from local.databricks.model import Run, State
from local.databricks.notifications import Notifier


@dataclass(frozen=True)
class Advance:
    """What it takes to advance a run. Whoever calls sees to it that nobody else does at the same time.

    Attributes:
        has_slot: whether a queued run may leave the queue.
        start_delay_millis: how long a cluster takes to start, for each run.
    """

    attempts: Attempts
    notifier: Notifier
    has_slot: Callable[[Run], bool]
    start_delay_millis: int

    def __call__(self, run: Run, now: int) -> None:
        """Change the run, and its attempts and their processes, to where they are at a time."""
        if run.state.life_cycle == "QUEUED" and self.has_slot(run):
            run.state = State("PENDING")
        if run.cancelled and run.state.life_cycle in ("QUEUED", "PENDING"):
            self._end(run, progress.CANCELLED, now)
        if run.state.life_cycle == "PENDING" and now >= run.created + self.start_delay_millis:
            run.state, run.started = State("RUNNING"), now
            self.notifier.notify("on_start", run)
        if run.state.life_cycle in ("RUNNING", "TERMINATING"):
            self._advance_tasks(run, now)

    def _advance_tasks(self, run: Run, now: int) -> None:
        run_timed_out = progress.run_timed_out(run, now)
        for attempt in list(run.live_attempts()):
            self.attempts.advance(run, attempt, now, run_timed_out=run_timed_out)
        if not run.cancelled and not run_timed_out:
            self._try_tasks(run, now)
        for task, result in progress.tasks_in_vain(run):
            attempt = self.attempts.add(run, task["task_key"], now, now)
            attempt.state.end(result, result, "A task that it depends on has not succeeded.")
            attempt.ended = now
        if progress.runs_too_long(run, now) and not run.warned:
            run.warned = True
            self.notifier.notify("on_duration_warning_threshold_exceeded", run)
        outcome = progress.result_of(run)
        if outcome is None and (run.cancelled or run_timed_out) and not any(run.live_attempts()):
            # Tasks that never began.
            outcome = progress.CANCELLED if run.cancelled else progress.RUN_TIMED_OUT
        if outcome:
            self._end(run, outcome, now)

    def _try_tasks(self, run: Run, now: int) -> None:
        for task in run.tasks:
            last = run.last_attempt(task["task_key"])
            if last and not last.state.is_live:
                due = progress.retry_due(task, last)
                if due is not None:
                    self.attempts.add(run, task["task_key"], now, due)
        for task in progress.ready_tasks(run):
            self.attempts.add(run, task["task_key"], now, now)
        for attempt in run.live_attempts():
            if attempt.process is None and attempt.exit_code is None and now >= attempt.due:
                self.attempts.launch(run, attempt, now)

    def _end(self, run: Run, outcome: progress.Outcome, now: int) -> None:
        run.state.end(*outcome)
        run.ended = now
        if run.repairs and "end_time" not in run.repairs[-1]:
            run.repairs[-1]["end_time"] = now
        if run.started is None:
            run.started = now
        if run.state.result == "SUCCESS":
            self.notifier.notify("on_success", run)
        elif run.state.result != "CANCELED":
            self.notifier.notify("on_failure", run)
