"""Jobs and runs as they are stored: plain values that convert to JSON and back. Times are in milliseconds."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Self

Json = dict[str, Any]

ACTIVE = ("QUEUED", "PENDING", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY")


@dataclass
class Job:
    """A job; `settings` is `JobSettings` as JSON."""

    job_id: int
    settings: Json
    created: int
    creator: str

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.settings["name"])

    @property
    def is_continuous(self) -> bool:
        """Whether the job is restarted whenever its run ends, unless paused."""
        return "continuous" in self.settings

    @property
    def is_unpaused(self) -> bool:
        """Whether the job is continuous and not paused."""
        return self.is_continuous and self.settings["continuous"].get("pause_status", "UNPAUSED") == "UNPAUSED"


@dataclass
class State:
    """State of a run or an attempt.

    Attributes:
        life_cycle: a `RunLifeCycleState`.
        result: a `RunResultState`, None while active.
        code: a `TerminationCodeCode`, None while active.
    """

    life_cycle: str = "PENDING"
    result: str | None = None
    code: str | None = None
    message: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.life_cycle in ACTIVE

    def end(self, result: str, code: str, message: str = "") -> None:
        """Change to `TERMINATED` with an outcome."""
        self.life_cycle, self.result, self.code, self.message = "TERMINATED", result, code, message


@dataclass
class Attempt:
    """One attempt of a task: a run of its own in the API, with its own process and log.

    Attributes:
        created: when it was scheduled.
        due: when it may start, after a retry's interval.
        started, ended: of its process.
        process: `[process id, creation time]`; both, because ids are reused.
        exit_code: of its process, None until known.
        stopping: when its process was sent SIGTERM.
        stop_reason: why: `CANCELED` or `TIMEDOUT`.
    """

    run_id: int
    task_key: str
    number: int
    created: int
    due: int
    state: State = field(default_factory=State)
    started: int | None = None
    ended: int | None = None
    process: list[float] | None = None
    exit_code: int | None = None
    stopping: int | None = None
    stop_reason: str | None = None


@dataclass
class Run:
    """A run of a job, or a submitted run (whose `job_id` belongs to no job).

    Attributes:
        settings: of the job, as of when the run was created.
        job_parameters: values by name, defaults included.
        overriding: `python_params` and `python_named_params` of run-now.
        started: when it left the queue.
        repairs: `id`, `start_time`, `end_time` and `task_run_ids` of each.
    """

    run_id: int
    job_id: int
    number_in_job: int
    run_type: str
    trigger: str
    settings: Json
    job_parameters: dict[str, str]
    overriding: Json
    created: int
    creator: str
    state: State = field(default_factory=State)
    started: int | None = None
    ended: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    repairs: list[Json] = field(default_factory=list)
    cancelled: bool = False

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.settings["name"])

    @property
    def tasks(self) -> list[Json]:
        """Tasks of the settings."""
        return list(self.settings["tasks"])

    def task(self, task_key: str) -> Json:
        """Return a task of the settings."""
        return next(task for task in self.tasks if task["task_key"] == task_key)

    def attempt(self, run_id: int) -> Attempt | None:
        """Return the attempt with this id."""
        return next((attempt for attempt in self.attempts if attempt.run_id == run_id), None)

    def last_attempt(self, task_key: str) -> Attempt | None:
        """Return the newest attempt of a task."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.task_key == task_key), None)

    def active_attempts(self) -> Iterator[Attempt]:
        """Yield the attempts that have not ended."""
        return (attempt for attempt in self.attempts if attempt.state.is_active)

    @classmethod
    def from_json(cls, values: Json) -> Self:
        """Read the output of `dataclasses.asdict`, also that of earlier versions with fields that are gone."""
        values = {field.name: values[field.name] for field in fields(cls)}
        attempts = [Attempt(**{**value, "state": State(**value["state"])}) for value in values["attempts"]]
        return cls(**{**values, "state": State(**values["state"]), "attempts": attempts})
