"""Attempts: each tries a task once, in a process of its own, from when it is decided until the process has ended."""

import signal
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from local.databricks import progress
from local.databricks.launcher import Launcher, is_running, stop_group
from local.databricks.model import Attempt, Run, State
from local.databricks.parameters import command_line, environment_of
from local.databricks.task_process import TaskProcess

# From SIGTERM to SIGKILL, of one attempt.
_GRACE_MILLIS = 10_000
# The same where the server ends.
_STOP_SECONDS = 12


class Attempts:
    """Begins and ends attempts. Whoever calls sees to it that nobody else does at the same time.

    Args:
        directory: takes the logs.
        environment: of every process.
        new_id: gives each attempt its number.
        on_exit: is told an attempt's number and exit code, from a thread of its own.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        new_id: Callable[[], int],
        on_exit: Callable[[int, int], None],
    ) -> None:
        self._directory = directory
        self._environment = environment
        self._new_id = new_id
        self._launcher = Launcher(on_exit)
        directory.mkdir(parents=True, exist_ok=True)

    def take_up(self, runs: Iterable[Run]) -> None:
        """Get ready; a process that an earlier server has left is killed, and its attempt has failed by that."""
        self._launcher.warm_up()
        for run in runs:
            for attempt in run.live_attempts():
                if attempt.process:
                    stop_group(attempt.process, signal.SIGKILL)
                    attempt.exit_code = -signal.SIGKILL

    def add(self, run: Run, task_key: str, now: int, due: int, *, anew: bool = False) -> Attempt:
        """Decide on an attempt, which begins when it is due; `anew` counts a task's attempts from 0 again."""
        last = run.last_attempt(task_key)
        number = 0 if last is None or anew else last.number + 1
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
                environment={**self._environment, **environment_of(run, task)},
                log=self.log_file(attempt),
                failure=self.failure_file(attempt),
            ),
        )

    def advance(self, run: Run, attempt: Attempt, now: int, *, run_timed_out: bool) -> None:
        """End an attempt whose process has ended, and the process of one that must end: first asked, then killed."""
        if attempt.exit_code is not None:
            _end(attempt, now)
            return
        timed_out = run_timed_out or progress.timed_out(run.task(attempt.task_key), attempt, now)
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
        elif now - attempt.stopping > _GRACE_MILLIS:
            stop_group(attempt.process, signal.SIGKILL)

    def stop(self, runs: Iterable[Run]) -> None:
        """End all processes, and wait until they have ended; their attempts stay as they are."""
        identities = [attempt.process for run in runs for attempt in run.live_attempts() if attempt.process]
        for identity in identities:
            stop_group(identity, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(map(is_running, identities)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for identity in identities:
            stop_group(identity, signal.SIGKILL)

    def log_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's output is."""
        return self._directory / f"{attempt.run_id}.log"

    def failure_file(self, attempt: Attempt) -> Path:
        """Return where an attempt's process has written why it failed."""
        return self._directory / f"{attempt.run_id}.failure.json"

    def delete_files(self, attempt: Attempt) -> None:
        """Delete what an attempt's process has written."""
        self.log_file(attempt).unlink(missing_ok=True)
        self.failure_file(attempt).unlink(missing_ok=True)


def _end(attempt: Attempt, now: int) -> None:
    attempt.state.end(*progress.result_of_attempt(attempt))
    attempt.ended = now
