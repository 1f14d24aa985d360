"""Takes runs from their request to their end: queue, start, tasks, retries, timeouts, cancellation."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.databricks import progress
from local.databricks.errors import invalid, invalid_state, no_run
from local.databricks.launcher import Launcher, is_running, stop_group
from local.databricks.model import Attempt, Job, Json, Run, State
from local.databricks.notifications import Notifier
from local.databricks.parameters import command_line, environment_of, job_parameters
from local.databricks.store import Store
from local.databricks.task_process import TaskProcess

_SECONDS_BETWEEN_LOOKS = 0.25
# From SIGTERM to SIGKILL.
_GRACE_MILLIS = 10_000
_STOP_SECONDS = 12
_RUN_PARAMETERS = ("python_params", "python_named_params")


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
        self._settings = settings
        self._notifier = notifier
        self._now = now
        self._log = log
        self._launcher = Launcher(self._on_exit)
        self._changed = threading.Condition(threading.RLock())
        self._live = {run.run_id: run for run in store.live_runs()}
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, int] = {}
        self._stopping = False
        self.failed = False
        self._thread = threading.Thread(target=self._loop, name="engine")
        settings.directory.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Take up what was live, and begin."""
        self._launcher.warm_up()
        for run in self._live.values():
            for attempt in run.live_attempts():
                if attempt.process:
                    stop_group(attempt.process, signal.SIGKILL)
                    attempt.exit_code = -signal.SIGKILL
            self._store.put_run(run)
        self._thread.start()

    def stop(self) -> None:
        """End all processes and the thread; the runs are taken up at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        identities = [a.process for run in self._live.values() for a in run.live_attempts() if a.process]
        for identity in identities:
            stop_group(identity, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(map(is_running, identities)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for identity in identities:
            stop_group(identity, signal.SIGKILL)

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
                self._failures.pop(job.job_id, None)
                self._not_before.pop(job.job_id, None)
            run = Run(
                run_id=self._store.new_id(),
                job_id=job.job_id,
                number_in_job=self._store.runs_of_job(job.job_id) + 1,
                run_type="JOB_RUN",
                trigger=trigger,
                settings=job.settings,
                job_parameters=parameters,
                overriding={name: request[name] for name in _RUN_PARAMETERS if request.get(name) is not None},
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
                self.log_file(attempt).unlink(missing_ok=True)
                self.failure_file(attempt).unlink(missing_ok=True)

    def repair(self, run_id: int, request: Json) -> int:
        """Run tasks of a run again that is over; return the repair's number.

        Raises:
            ApiError: the run is live, the repair is not the next one, or there is nothing to run again.
        """
        with self._changed:
            run = self.find(run_id)
            if run.run_id in self._live:
                raise invalid_state(f"Run {run_id} is active; only a run that is over can be repaired.")
            latest = run.repairs[-1]["id"] if run.repairs else None
            if request.get("latest_repair_id") != latest:
                raise invalid(f"The latest repair of run {run_id} is {latest}, not {request.get('latest_repair_id')}.")
            keys = _repaired_tasks(run, request)
            now = self._now()
            run.job_parameters = run.job_parameters | request.get("job_parameters", {})
            run.overriding |= {name: request[name] for name in _RUN_PARAMETERS if request.get(name) is not None}
            # Tasks that were held up by these have never run: they come by themselves.
            run.attempts = [attempt for attempt in run.attempts if not _was_held_up(attempt)]
            for key in keys:
                self._try(run, key, now, now, again=True)
            ids = [attempt.run_id for attempt in run.live_attempts()]
            run.repairs.append({"id": self._store.new_id(), "start_time": now, "task_run_ids": ids})
            run.state, run.ended, run.cancelled, run.warned = State("RUNNING"), None, False, False
            run.started = now
            self._live[run.run_id] = run
            self._save(run)
            return int(run.repairs[-1]["id"])

    def log_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's output is."""
        return self._settings.directory / f"{attempt.run_id}.log"

    def failure_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's process has written why it failed."""
        return self._settings.directory / f"{attempt.run_id}.failure.json"

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
            before = (
                run.state.life_cycle,
                [(a.state.life_cycle, a.process, a.stopping) for a in run.attempts],
                run.warned,
            )
            self._advance(run, now)
            after = (
                run.state.life_cycle,
                [(a.state.life_cycle, a.process, a.stopping) for a in run.attempts],
                run.warned,
            )
            if not run.state.is_live:
                del self._live[run.run_id]
                self._count_failures(run)
            if before != after:
                self._store.put_run(run)
        for job in self._store.jobs():
            if job.is_unpaused and not self._runs_of(job.job_id) and now >= self._not_before.get(job.job_id, 0):
                restarted = job.job_id in self._not_before
                trigger = "CONTINUOUS_RESTART" if restarted else "CONTINUOUS"
                self.run_now(job, {}, trigger, job.creator)

    def _count_failures(self, run: Run) -> None:
        failed = run.state.result in ("FAILED", "TIMEDOUT")
        self._failures[run.job_id] = self._failures.get(run.job_id, 0) + 1 if failed else 0
        self._not_before[run.job_id] = (run.ended or 0) + progress.restart_delay(self._failures[run.job_id])

    def _advance(self, run: Run, now: int) -> None:
        if run.state.life_cycle == "QUEUED" and self._has_slot(run):
            run.state = State("PENDING")
        if run.cancelled and run.state.life_cycle in ("QUEUED", "PENDING"):
            self._end(run, ("CANCELED", "USER_CANCELED", "Run cancelled."), now)
        if run.state.life_cycle == "PENDING" and now >= run.created + self._settings.start_delay_millis:
            run.state, run.started = State("RUNNING"), now
            self._notifier.notify("on_start", run)
        if run.state.life_cycle not in ("RUNNING", "TERMINATING"):
            return
        run_timed_out = progress.run_timed_out(run, now)
        for attempt in list(run.live_attempts()):
            self._advance_attempt(run, attempt, now, run_timed_out=run_timed_out)
        if not run.cancelled and not run_timed_out:
            self._try_tasks(run, now)
        for task, result in progress.tasks_in_vain(run):
            attempt = self._try(run, task["task_key"], now, now)
            attempt.state.end(result, result, "A task that it depends on has not succeeded.")
            attempt.ended = now
        if progress.runs_too_long(run, now) and not run.warned:
            run.warned = True
            self._notifier.notify("on_duration_warning_threshold_exceeded", run)
        outcome = progress.result_of(run)
        if outcome is None and (run.cancelled or run_timed_out) and not any(run.live_attempts()):
            # Tasks that never began.
            outcome = ("CANCELED", "USER_CANCELED", "Run cancelled.") if run.cancelled else _RUN_TIMED_OUT
        if outcome:
            self._end(run, outcome, now)

    def _try_tasks(self, run: Run, now: int) -> None:
        for task in run.tasks:
            last = run.last_attempt(task["task_key"])
            if last and not last.state.is_live:
                due = progress.retry_due(task, last)
                # A repair has tried the task anew: its count begins anew too.
                if due is not None:
                    self._try(run, task["task_key"], now, due)
        for task in progress.ready_tasks(run):
            self._try(run, task["task_key"], now, now)
        for attempt in run.live_attempts():
            if attempt.process is None and attempt.exit_code is None and now >= attempt.due:
                self._launch(run, attempt, now)

    def _try(self, run: Run, task_key: str, now: int, due: int, *, again: bool = False) -> Attempt:
        last = run.last_attempt(task_key)
        number = 0 if last is None or again else last.number + 1
        state = State("WAITING_FOR_RETRY" if due > now else "PENDING")
        attempt = Attempt(self._store.new_id(), task_key, number, now, due, state)
        run.attempts.append(attempt)
        return attempt

    def _launch(self, run: Run, attempt: Attempt, now: int) -> None:
        task = _task(run, attempt.task_key)
        wheel, script = task.get("python_wheel_task", {}), task.get("spark_python_task", {})
        attempt.state, attempt.started = State("RUNNING"), now
        attempt.process = self._launcher.start(
            attempt.run_id,
            TaskProcess(
                package=wheel.get("package_name", ""),
                entry_point=wheel.get("entry_point", ""),
                python_file=script.get("python_file", ""),
                arguments=command_line(run, task, attempt),
                environment={**self._settings.environment, **environment_of(run, task)},
                log=self.log_file(attempt),
                failure=self.failure_file(attempt),
            ),
        )

    def _advance_attempt(self, run: Run, attempt: Attempt, now: int, *, run_timed_out: bool) -> None:
        if attempt.exit_code is not None:
            _end_attempt(attempt, now)
            return
        timed_out = run_timed_out or progress.timed_out(_task(run, attempt.task_key), attempt, now)
        if not run.cancelled and not timed_out:
            return
        reason = "CANCELED" if run.cancelled else "TIMEDOUT"
        if attempt.process is None:
            attempt.stop_reason = reason
            _end_attempt(attempt, now)
        elif attempt.stopping is None:
            attempt.stopping, attempt.stop_reason = now, reason
            attempt.state.life_cycle = "TERMINATING"
            stop_group(attempt.process, signal.SIGTERM)
        elif now - attempt.stopping > _GRACE_MILLIS:
            stop_group(attempt.process, signal.SIGKILL)

    def _end(self, run: Run, result: tuple[str, str, str], now: int) -> None:
        run.state.end(*result)
        run.ended = now
        if run.repairs and "end_time" not in run.repairs[-1]:
            run.repairs[-1]["end_time"] = now
        if run.started is None:
            run.started = now
        if run.state.result == "SUCCESS":
            self._notifier.notify("on_success", run)
        elif run.state.result != "CANCELED":
            self._notifier.notify("on_failure", run)


_RUN_TIMED_OUT = ("TIMEDOUT", "RUN_EXECUTION_ERROR", "The run took longer than its job may.")


def _task(run: Run, task_key: str) -> Json:
    return next(task for task in run.tasks if task["task_key"] == task_key)


def _end_attempt(attempt: Attempt, now: int) -> None:
    attempt.ended = now
    if attempt.stop_reason == "CANCELED":
        attempt.state.end("CANCELED", "USER_CANCELED", "Run cancelled.")
    elif attempt.stop_reason == "TIMEDOUT":
        attempt.state.end("TIMEDOUT", "RUN_EXECUTION_ERROR", "It took longer than it may.")
    elif attempt.exit_code == 0:
        attempt.state.end("SUCCESS", "SUCCESS")
    elif attempt.exit_code is not None and attempt.exit_code > 0:
        attempt.state.end("FAILED", "RUN_EXECUTION_ERROR", f"Its process ended with exit code {attempt.exit_code}.")
    else:
        message = f"Its process was ended by signal {-(attempt.exit_code or 0)}."
        attempt.state.end("FAILED", "DRIVER_ERROR", message)


def _was_held_up(attempt: Attempt) -> bool:
    return (attempt.state.result or "").startswith("UPSTREAM_")


def _repaired_tasks(run: Run, request: Json) -> list[str]:
    keys = {task["task_key"] for task in run.tasks}
    if request.get("rerun_all_failed_tasks"):
        failed = {key for key in keys if (last := run.last_attempt(key)) and last.state.result != "SUCCESS"}
        chosen = {key for key in failed if not _was_held_up(run.last_attempt(key))}  # type: ignore[arg-type]
    else:
        chosen = set(request.get("rerun_tasks", []))
        if chosen - keys:
            raise invalid(f"Run {run.run_id} has no task {', '.join(sorted(chosen - keys))}.")
    if not chosen:
        raise invalid(f"Run {run.run_id} has no task to run again.")
    return sorted(chosen)
