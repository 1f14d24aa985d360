"""Attempts of tasks, each in a process of its own."""

import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.databricks import transitions
from local.databricks.launcher import Launcher, is_running, stop_group
from local.databricks.model import Attempt, Run, State
from local.databricks.parameters import command_line, environment_of
from local.databricks.task_process import TaskProcess

# From SIGTERM to SIGKILL when the server ends.
_STOP_SECONDS = 12


@dataclass(frozen=True)
class EngineSettings:
    """How runs are executed and how long they are kept.

    Attributes:
        directory: for the logs.
        environment: of every task's process.
        start_delay_millis: cluster start time of each run.
        grace_millis: from SIGTERM to SIGKILL of a task's process.
        keep_millis: age at which finished runs are deleted with their logs.
        runtime_python: interpreter whose ipykernel runs wheel tasks; empty for processes of this one.
    """

    directory: Path
    environment: Mapping[str, str]
    start_delay_millis: int = 0
    grace_millis: int = 10_000
    keep_millis: int = 60 * 86_400_000
    runtime_python: str = ""


class Attempts:
    """Starts and ends attempts. Callers must hold the engine's lock.

    Args:
        new_id: returns the id of a new attempt.
        on_exit: called with an attempt's id and exit code, from a thread of its own.
    """

    def __init__(
        self, settings: EngineSettings, new_id: Callable[[], int], on_exit: Callable[[int, int], None]
    ) -> None:
        self._settings = settings
        self._new_id = new_id
        self._launcher = Launcher(on_exit)
        settings.directory.mkdir(parents=True, exist_ok=True)

    def recover(self, runs: Iterable[Run]) -> None:
        """Warm up; kill processes that an earlier server left behind, which fails their attempts."""
        self._launcher.warm_up()
        for run in runs:
            for attempt in run.active_attempts():
                if attempt.process:
                    stop_group(attempt.process, signal.SIGKILL)
                    attempt.exit_code = -signal.SIGKILL

    def add(self, run: Run, task_key: str, now: int, due: int, *, restart_count: bool = False) -> Attempt:
        """Schedule an attempt that starts when due; `restart_count` numbers it 0 even if there are earlier ones."""
        last = run.last_attempt(task_key)
        number = 0 if last is None or restart_count else last.number + 1
        state = State("WAITING_FOR_RETRY" if due > now else "PENDING")
        attempt = Attempt(self._new_id(), task_key, number, now, due, state)
        run.attempts.append(attempt)
        return attempt

    def launch(self, run: Run, attempt: Attempt, now: int) -> None:
        """Start an attempt's process."""
        task = run.task(attempt.task_key)
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
                runtime_python=self._settings.runtime_python,
            ),
        )

    def advance(self, run: Run, attempt: Attempt, now: int, *, run_timed_out: bool) -> None:
        """Record the end of an attempt whose process has ended; stop one that was cancelled or timed out."""
        if attempt.exit_code is not None:
            _end(attempt, now)
            return
        timed_out = run_timed_out or transitions.timed_out(run.task(attempt.task_key), attempt.started, now)
        if not run.cancelled and not timed_out:
            return
        reason = "CANCELED" if run.cancelled else "TIMEDOUT"
        if attempt.process is None:
            attempt.stop_reason = reason
            _end(attempt, now)
        elif attempt.stopping is None:
            attempt.stopping, attempt.stop_reason = now, reason
            attempt.state.life_cycle = "TERMINATING"
            stop_group(attempt.process, signal.SIGTERM)
        elif now - attempt.stopping > self._settings.grace_millis:
            stop_group(attempt.process, signal.SIGKILL)

    def stop(self, runs: Iterable[Run]) -> None:
        """End all processes and wait for them; the attempts keep their state."""
        identities = [attempt.process for run in runs for attempt in run.active_attempts() if attempt.process]
        for identity in identities:
            stop_group(identity, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(map(is_running, identities)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for identity in identities:
            stop_group(identity, signal.SIGKILL)

    def log_file(self, attempt: Attempt) -> Path:
        """Return the file with an attempt's output."""
        return self._settings.directory / f"{attempt.run_id}.log"

    def failure_file(self, attempt: Attempt) -> Path:
        """Return the file in which an attempt's process reports why it failed."""
        return self._settings.directory / f"{attempt.run_id}.failure.json"

    def delete_files(self, attempt: Attempt) -> None:
        """Delete an attempt's files."""
        self.log_file(attempt).unlink(missing_ok=True)
        self.failure_file(attempt).unlink(missing_ok=True)


def _end(attempt: Attempt, now: int) -> None:
    attempt.state.end(*transitions.result_of_attempt(attempt))
    attempt.ended = now
