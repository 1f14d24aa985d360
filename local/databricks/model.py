"""Jobs and runs as they are kept: plain values that become JSON and back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

Json = dict[str, Any]

LIVE = ("QUEUED", "PENDING", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY")


@dataclass
class Job:
    """A job; times are in milliseconds, as in all of the API.

    Attributes:
        settings: `JobSettings`, as JSON.
    """

    job_id: int
    settings: Json
    created: int
    creator: str

    @property
    def name(self) -> str:
        """Its name, "Untitled" where none is set."""
        return str(self.settings.get("name", "Untitled"))

    @property
    def is_continuous(self) -> bool:
        """Whether it has one run after another as long as it is not paused."""
        return "continuous" in self.settings

    @property
    def is_unpaused(self) -> bool:
        """Whether it is continuous and wants a run now."""
        return self.is_continuous and self.settings["continuous"].get("pause_status", "UNPAUSED") == "UNPAUSED"


@dataclass
class State:
    """Where a run or an attempt stands.

    Attributes:
        life_cycle: a `RunLifeCycleState`.
        result: a `RunResultState`, None as long as it is not over.
        code: a `TerminationCodeCode`, None as long as it is not over.
    """

    life_cycle: str = "PENDING"
    result: str | None = None
    code: str | None = None
    message: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it is not over."""
        return self.life_cycle in LIVE

    def end(self, result: str, code: str, message: str = "") -> None:
        """Be over."""
        self.life_cycle, self.result, self.code, self.message = "TERMINATED", result, code, message


@dataclass
class Attempt:
    """One try of a task: a run of its own in the API, with its own process and log.

    Attributes:
        created: when it was decided.
        due: before that it waits, for a retry's interval.
        started, ended: of its process.
        process: `[process id, when it was created]`; both, because ids are used again.
        exit_code: of its process, None as long as it is not known.
        stopping: since when its process has been told to end.
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
    """A run of a job, or of what was submitted (`job_id` is then a number that no job has).

    Attributes:
        settings: of the job, as they were when the run was asked for.
        job_parameters: values by name, defaults included.
        overriding: `python_params` and `python_named_params` of run-now.
        started: when it left the queue.
        repairs: `[repair id, time, task keys]` of each.
        warned: whether its duration has been found too long.
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
    warned: bool = False

    @property
    def tasks(self) -> list[Json]:
        """The tasks of its settings."""
        return list(self.settings["tasks"])

    def task(self, task_key: str) -> Json:
        """Return a task of its settings."""
        return next(task for task in self.tasks if task["task_key"] == task_key)

    @property
    def name(self) -> str:
        """That of its job."""
        return str(self.settings.get("name", "Untitled"))

    def last_attempt(self, task_key: str) -> Attempt | None:
        """Return the newest attempt of a task."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.task_key == task_key), None)

    def live_attempts(self) -> Iterator[Attempt]:
        """Yield the attempts that are not over."""
        return (attempt for attempt in self.attempts if attempt.state.is_live)

    @classmethod
    def from_json(cls, values: Json) -> Self:
        """Read what `dataclasses.asdict` gave."""
        attempts = [Attempt(**{**value, "state": State(**value["state"])}) for value in values["attempts"]]
        return cls(**{**values, "state": State(**values["state"]), "attempts": attempts})
