"""Takes requests for runs, keeps the runs, and has all that are live advanced by one thread."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.databricks.advance import Advance
from local.databricks.attempts import Attempts
from local.databricks.errors import invalid, invalid_state, no_run
from local.databricks.model import Attempt, Job, Json, Run, State
from local.databricks.notifications import Notifier
from local.databricks.parameters import job_parameters, overriding_parameters
from local.databricks.repair import check_latest_repair, tasks_to_repair, was_held_up
from local.databricks.restarts import Restarts
from local.databricks.store import Store

_SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Settings:
    """How runs are run.

    Attributes:
        directory: takes the logs.
        environment: of every task's process.
        start_delay_millis: how long a cluster takes to start, for each run.
    """

    directory: Path
    environment: Mapping[str, str]
    start_delay_millis: int


class Engine:
    """One thread looks after all live runs; requests come from any thread.

    Where that thread fails, the process is told to end (SIGTERM) and `failed` is set: without it no run would go on.

    A run that was live when the server ended goes on at its next start: an attempt whose process is gone has failed,
    and is tried again where its task says so.
    """

    def __init__(
        self, store: Store, settings: Settings, notifier: Notifier, now: Callable[[], int], log: logging.Logger
    ) -> None:
        self._store = store
        self._now = now
        self._log = log
        self._attempts = Attempts(settings.directory, settings.environment, store.new_id, self._on_exit)
        self._advance = Advance(self._attempts, notifier, self._has_slot, settings.start_delay_millis)
        self._restarts = Restarts()
        self._changed = threading.Condition(threading.RLock())
        self._live = {run.run_id: run for run in store.live_runs()}
        self._stopping = False
        self.failed = False
        self._thread = threading.Thread(target=self._loop, name="engine")

    def start(self) -> None:
        """Take up what was live, and begin."""
        self._attempts.take_up(self._live.values())
        for run in self._live.values():
            self._store.put_run(run)
        self._thread.start()

    def stop(self) -> None:
        """End all processes and the thread; the runs are taken up at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._attempts.stop(self._live.values())

    def wake(self) -> None:
        """Look at once: a job has changed."""
        with self._changed:
            self._changed.notify_all()

    def run_now(self, job: Job, request: Json, trigger: str, creator: str) -> int:
        """Ask for a run of a job; return its number, or that of the run that the idempotency token stands for.

        A continuous job's run is ended first: this is how a changed job gets a run with what is new.

        Raises:
            ApiError: an unknown parameter.
        """
        parameters = job_parameters(job.settings, request.get("job_parameters", {}))
        with self._changed:
            token = request.get("idempotency_token")
            known = self._known(token)
            if known is not None:
                return known
            if job.is_continuous and trigger == "ONE_TIME":
                # The new run takes the place of the one that goes on, at once even after failures.
                for active in self._runs_of(job.job_id):
                    self._cancel(active)
                self._restarts.forget(job.job_id)
            run = Run(
                run_id=self._store.new_id(),
                job_id=job.job_id,
                number_in_job=self._store.runs_of_job(job.job_id) + 1,
                run_type="JOB_RUN",
                trigger=trigger,
                settings=job.settings,
                job_parameters=parameters,
                overriding=overriding_parameters(request),
                created=self._now(),
                creator=creator,
            )
            queue = request.get("queue") or job.settings.get("queue", {})
            return self._take(run, token, queued=job.is_continuous or queue.get("enabled", False))

    def submit(self, settings: Json, request: Json, creator: str) -> int:
        """Run tasks that belong to no job, once; return the run's number."""
        with self._changed:
            token = request.get("idempotency_token")
            known = self._known(token)
            if known is not None:
                return known
            run = Run(
                run_id=self._store.new_id(),
                job_id=self._store.new_id(),
                number_in_job=1,
                run_type="SUBMIT_RUN",
                trigger="ONE_TIME",
                settings=settings,
                job_parameters={},
                overriding={},
                created=self._now(),
                creator=creator,
            )
            return self._take(run, token, queued=False)

    def find(self, run_id: int) -> Run:
        """Return a run, by its own number or an attempt's.

        Raises:
            ApiError: there is none.
        """
        with self._changed:
            run = self._store.run(run_id)
        if run is None:
            raise no_run(run_id)
        return run

    def cancel(self, run_id: int) -> None:
        """Begin to end a run; one that is over stays as it is."""
        with self._changed:
            self._cancel(self._live.get(self.find(run_id).run_id))

    def cancel_all(self, job_id: int | None, *, queued_only: bool) -> None:
        """Begin to end all runs of a job, or all queued runs."""
        with self._changed:
            for run in list(self._live.values()):
                if job_id in (None, run.job_id) and (not queued_only or run.state.life_cycle == "QUEUED"):
                    self._cancel(run)

    def delete(self, run_id: int) -> None:
        """Forget a run that is over, with its logs."""
        with self._changed:
            run = self.find(run_id)
            if run.run_id in self._live:
                raise invalid_state(f"Run {run_id} is active and can't be deleted; cancel it first.")
            self._store.delete_run(run.run_id)
            for attempt in run.attempts:
                self._attempts.delete_files(attempt)

    def repair(self, run_id: int, request: Json) -> int:
        """Run tasks of a run again that is over; return the repair's number.

        Raises:
            ApiError: the run is live, the repair is not the next one, or there is nothing to run again.
        """
        with self._changed:
            run = self.find(run_id)
            if run.run_id in self._live:
                raise invalid_state(f"Run {run_id} is active; only a run that is over can be repaired.")
            check_latest_repair(run, request)
            keys = tasks_to_repair(run, request)
            now = self._now()
            run.job_parameters = run.job_parameters | request.get("job_parameters", {})
            run.overriding |= overriding_parameters(request)
            # Tasks that were held up by these have never run: they come by themselves.
            run.attempts = [attempt for attempt in run.attempts if not was_held_up(attempt)]
            for key in keys:
                self._attempts.add(run, key, now, now, anew=True)
            ids = [attempt.run_id for attempt in run.live_attempts()]
            run.repairs.append({"id": self._store.new_id(), "start_time": now, "task_run_ids": ids})
            run.state, run.ended, run.cancelled, run.warned = State("RUNNING"), None, False, False
            run.started = now
            self._live[run.run_id] = run
            self._save(run)
            return int(run.repairs[-1]["id"])

    def log_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's output is."""
        return self._attempts.log_file(attempt)

    def failure_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's process has written why it failed."""
        return self._attempts.failure_file(attempt)

    # What follows is called with the lock held.

    def _known(self, token: str | None) -> int | None:
        if not token:
            return None
        if len(token) > 64:
            raise invalid("The idempotency token must have at most 64 characters.")
        run_id = self._store.run_of_token(token)
        if run_id is not None and self._store.run(run_id) is None:
            raise invalid(f"The run of the idempotency token {token} has been deleted.")
        return run_id

    def _take(self, run: Run, token: str | None, *, queued: bool) -> int:
        if self._has_slot(run):
            run.state = State("PENDING")
        elif queued:
            run.state = State("QUEUED", message="Queued: the job has as many active runs as it may have.")
        else:
            message = "The job has as many active runs as it may have, and its queue is not enabled."
            run.state = State("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "MAX_CONCURRENT_RUNS_EXCEEDED", message)
            run.started = run.ended = self._now()
        self._store.put_run(run, token)
        if run.state.is_live:
            self._live[run.run_id] = run
            self._changed.notify_all()
        return run.run_id

    def _has_slot(self, run: Run) -> bool:
        if run.run_type == "SUBMIT_RUN":
            return True
        active = [other for other in self._runs_of(run.job_id) if other.state.life_cycle != "QUEUED"]
        return len(active) < int(run.settings.get("max_concurrent_runs", 1))

    def _runs_of(self, job_id: int) -> list[Run]:
        return [run for run in self._live.values() if run.job_id == job_id]

    def _save(self, run: Run) -> None:
        self._store.put_run(run)
        self._changed.notify_all()

    def _cancel(self, run: Run | None) -> None:
        if run is not None and not run.cancelled:
            run.cancelled = True
            if run.state.life_cycle == "RUNNING":
                run.state.life_cycle = "TERMINATING"
            self._save(run)

    def _on_exit(self, attempt_id: int, exit_code: int) -> None:
        with self._changed:
            for run in self._live.values():
                for attempt in run.live_attempts():
                    if attempt.run_id == attempt_id:
                        attempt.exit_code = exit_code
            self._changed.notify_all()

    def _loop(self) -> None:
        try:
            with self._changed:
                while not self._stopping:
                    self._look()
                    self._changed.wait(_SECONDS_BETWEEN_LOOKS)
        finally:
            if not self._stopping:
                self._log.error("the engine has failed: the server ends, its next start takes the runs up")
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _look(self) -> None:
        now = self._now()
        for run in list(self._live.values()):
            before = _standing(run)
            self._advance(run, now)
            if not run.state.is_live:
                del self._live[run.run_id]
                self._restarts.run_ended(run)
            if _standing(run) != before:
                self._store.put_run(run)
        for job in self._store.jobs():
            if job.is_unpaused and not self._runs_of(job.job_id) and self._restarts.is_due(job.job_id, now):
                self.run_now(job, {}, self._restarts.trigger(job.job_id), job.creator)


def _standing(run: Run) -> object:
    """Return what of a run changes as it is advanced: it is kept when this is another."""
    attempts = [(attempt.state.life_cycle, attempt.process, attempt.stopping) for attempt in run.attempts]
    return run.state.life_cycle, attempts, run.warned
