"""Outcomes of inputs."""

from dataclasses import dataclass

from spark_jobs import errors


@dataclass(frozen=True)
class Lands:
    """The line is a transaction with these values; `weighted` is whether its weight counts."""

    customer: str = "C1"
    gender: str = "F"
    merchant: str = "M1"
    paise: int = 100
    weighted: bool = True


@dataclass(frozen=True)
class Quarantined:
    """The line goes to quarantine, with a reason that starts with `reason`."""

    reason: str


@dataclass(frozen=True)
class Lines:
    """The number of lines that land, and how many of them are quarantined."""

    landed: int
    quarantined: int = 0


@dataclass(frozen=True)
class Waits:
    """Nothing lands yet, without an error."""


@dataclass(frozen=True)
class Stops:
    """The job ends with this error, whose text contains `said`, and the lake is unchanged."""

    error: type[errors.PipelineError]
    said: str


@dataclass(frozen=True)
class Weighs:
    """The weight of `C1` at `M1` for `food`, in 1/10,000; None for none."""

    units: int | None
