"""Accepts requests for runs, and advances all active runs in one thread."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from local.databricks.attempts import Attempts, EngineSettings
from local.databricks.errors import ApiError, invalid, invalid_state, no_run
from local.databricks.model import Attempt, Job, Json, Run, State
from local.databricks.parameters import job_parameters
from local.databricks.requests import RepairRun, RunOptions
from local.databricks.restarts import Restarts
from local.databricks.scheduler import Scheduler
from local.databricks.store import Store
from local.databricks.transitions import never_started, tasks_to_repair

_POLL_SECONDS = 0.25
_PRUNE_MILLIS = 3_600_000


class Engine:
    """One thread advances all active runs; requests come from any thread.

    If that thread fails, the process sends itself SIGTERM and `failed` is set: no run would make progress without it.

    Runs that are active when the server ends are recovered at its next start: an attempt whose process is gone has
    failed, and is retried if its task allows it.
    """

    def __init__(self, store: Store, settings: EngineSettings, now: Callable[[], int], log: logging.Logger) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._log = log
        self._attempts = Attempts(settings, store.new_id, self._on_exit)
        self._scheduler = Scheduler(self._attempts, self._has_slot, settings.start_delay_millis)
        self._restarts = Restarts()
        self._changed = threading.Condition(threading.RLock())
        self._active = {run.run_id: run for run in store.active_runs()}
        self._next_prune = 0
        self._stopping = False
        self.failed = False
        self._thread = threading.Thread(target=self._loop, name="engine")

    def start(self) -> None:
        """Recover active runs and start the thread."""
        self._attempts.recover(self._active.values())
        for run in self._active.values():
            self._store.put_run(run)
        self._thread.start()

    def stop(self) -> None:
        """End all processes and the thread; active runs are recovered at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._attempts.stop(self._active.values())

    def wake(self) -> None:
        """Poll now, because a job has changed."""
        with self._changed:
            self._changed.notify_all()

    def run_now(self, job: Job, options: RunOptions, trigger: str, creator: str) -> Run:
        """Create a run of a job, or return the run that the idempotency token stands for.

        The active run of a continuous job is cancelled first, so that a changed job takes effect.

        Raises:
            ApiError: an unknown parameter, or the token of a deleted run.
        """
        parameters = job_parameters(job.settings, options.job_parameters)
        with self._changed:
            known = self._run_of_token(options.idempotency_token)
            if known:
                return known
            if job.is_continuous and trigger == "ONE_TIME":
                for active in self._runs_of(job.job_id):
                    self._cancel(active)
                self._restarts.reset(job.job_id)
            run = Run(
                run_id=self._store.new_id(),
                job_id=job.job_id,
                number_in_job=self._store.new_run_number(job.job_id),
                run_type="JOB_RUN",
                trigger=trigger,
                settings=job.settings,
                job_parameters=parameters,
                overriding=options.overriding(),
                created=self._now(),
                creator=creator,
            )
            queued = options.queue.enabled if options.queue else job.settings.get("queue", {}).get("enabled", False)
            return self._accept(run, options.idempotency_token, queued=job.is_continuous or queued)

    def submit(self, settings: Json, token: str | None, creator: str) -> Run:
        """Create a run that belongs to no job."""
        with self._changed:
            known = self._run_of_token(token)
            if known:
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
            return self._accept(run, token, queued=False)

    def find(self, run_id: int) -> Run:
        """Return a run, by its own id or an attempt's.

        Raises:
            ApiError: it does not exist.
        """
        run = self._store.run(run_id)
        if run is None:
            raise no_run(run_id)
        return run

    def cancel(self, run_id: int) -> None:
        """Start cancelling a run; one that has ended is left as it is."""
        with self._changed:
            self._cancel(self._active.get(self.find(run_id).run_id))

    def cancel_all(self, job_id: int | None, *, queued_only: bool) -> None:
        """Start cancelling all runs of a job, or all queued runs."""
        with self._changed:
            for run in list(self._active.values()):
                if job_id in (None, run.job_id) and (not queued_only or run.state.life_cycle == "QUEUED"):
                    self._cancel(run)

    def delete(self, run_id: int) -> None:
        """Delete a run that has ended, with its logs."""
        with self._changed:
            run = self.find(run_id)
            if run.run_id in self._active:
                raise invalid_state(f"Run {run_id} is active and can't be deleted; cancel it first.")
            self._store.delete_run(run.run_id)
            for attempt in run.attempts:
                self._attempts.delete_files(attempt)

    def repair(self, request: RepairRun) -> int:
        """Run tasks of a finished run again; return the id of the repair.

        Raises:
            ApiError: the run is active, the latest repair is another one, or there is nothing to run again.
        """
        with self._changed:
            run = self.find(request.run_id)
            if run.run_id in self._active:
                raise invalid_state(f"Run {run.run_id} is active; only a run that has ended can be repaired.")
            keys = tasks_to_repair(run, request)
            now = self._now()
            run.job_parameters = run.job_parameters | request.job_parameters
            run.overriding |= request.overriding()
            # Skipped tasks start by themselves once their dependencies succeed.
            run.attempts = [attempt for attempt in run.attempts if not never_started(attempt)]
            for key in keys:
                self._attempts.add(run, key, now, now, restart_count=True)
            ids = [attempt.run_id for attempt in run.active_attempts()]
            run.repairs.append({"id": self._store.new_id(), "start_time": now, "task_run_ids": ids})
            run.state, run.started, run.ended, run.cancelled = State("RUNNING"), now, None, False
            self._active[run.run_id] = run
            self._save(run)
            return int(run.repairs[-1]["id"])

    def log_file(self, attempt: Attempt) -> Path:
        """Return the file with an attempt's output."""
        return self._attempts.log_file(attempt)

    def failure_file(self, attempt: Attempt) -> Path:
        """Return the file in which an attempt's process reports why it failed."""
        return self._attempts.failure_file(attempt)

    # The methods below are called with the lock held.

    def _run_of_token(self, token: str | None) -> Run | None:
        run_id = self._store.run_of_token(token) if token else None
        run = None if run_id is None else self._store.run(run_id)
        if run_id is not None and run is None:
            raise invalid(f"The run of the idempotency token {token} has been deleted.")
        return run

    def _accept(self, run: Run, token: str | None, *, queued: bool) -> Run:
        if self._has_slot(run):
            run.state = State("PENDING")
        elif queued:
            run.state = State("QUEUED", message="Queued: the job has reached its max_concurrent_runs.")
        else:
            message = "The job has reached its max_concurrent_runs, and its queue is not enabled."
            run.state = State("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "MAX_CONCURRENT_RUNS_EXCEEDED", message)
            run.started = run.ended = self._now()
        self._store.put_run(run, token)
        if run.state.is_active:
            self._active[run.run_id] = run
            self._changed.notify_all()
        return run

    def _has_slot(self, run: Run) -> bool:
        if run.run_type == "SUBMIT_RUN":
            return True
        running = [other for other in self._runs_of(run.job_id) if other.state.life_cycle != "QUEUED"]
        return len(running) < int(run.settings["max_concurrent_runs"])

    def _runs_of(self, job_id: int) -> list[Run]:
        return [run for run in self._active.values() if run.job_id == job_id]

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
            for run in self._active.values():
                for attempt in run.active_attempts():
                    if attempt.run_id == attempt_id:
                        attempt.exit_code = exit_code
            self._changed.notify_all()

    def _loop(self) -> None:
        try:
            with self._changed:
                while not self._stopping:
                    self._poll()
                    self._changed.wait(_POLL_SECONDS)
        finally:
            if not self._stopping:
                self._log.error("the engine has failed and the server ends; its next start recovers the runs")
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _poll(self) -> None:
        now = self._now()
        for run in list(self._active.values()):
            before = _snapshot(run)
            self._scheduler.advance(run, now)
            if not run.state.is_active:
                del self._active[run.run_id]
                self._restarts.run_ended(run)
            if _snapshot(run) != before:
                self._store.put_run(run)
        for job in self._store.jobs():
            if job.is_unpaused and not self._runs_of(job.job_id) and self._restarts.is_due(job.job_id, now):
                self.run_now(job, RunOptions(), self._restarts.trigger(job.job_id), job.creator)
        if now >= self._next_prune:
            self._next_prune = now + _PRUNE_MILLIS
            for run in list(self._store.runs(active=False, created_to=now - self._settings.keep_millis)):
                with suppress(ApiError):
                    self.delete(run.run_id)


def _snapshot(run: Run) -> object:
    """Return the part of a run that changes as it advances: the run is saved when this differs."""
    attempts = [(attempt.state.life_cycle, attempt.process, attempt.stopping) for attempt in run.attempts]
    return run.state.life_cycle, attempts
