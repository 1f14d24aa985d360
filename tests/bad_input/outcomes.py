"""What must become of an input."""

from dataclasses import dataclass

from spark_jobs import errors


@dataclass(frozen=True)
class Lands:
    """The line is a transaction, with these very values; `weighted` says whether its weight counts."""

    customer: str = "C1"
    gender: str = "F"
    merchant: str = "M1"
    paise: int = 100
    weighted: bool = True


@dataclass(frozen=True)
class Quarantined:
    """The line goes to quarantine, for a reason that begins so."""

    reason: str


@dataclass(frozen=True)
class Lines:
    """So many lines land, so many of them go to quarantine."""

    landed: int
    quarantined: int = 0


@dataclass(frozen=True)
class Waits:
    """Nothing lands yet, and nothing is wrong."""


@dataclass(frozen=True)
class Stops:
    """The job ends with this error, whose text has this in it, and no file of the lake has changed."""

    error: type[errors.PipelineError]
    said: str


@dataclass(frozen=True)
class Weighs:
    """The weight of `C1` at `M1` for `food`, in 1/10,000; None for none."""

    units: int | None
