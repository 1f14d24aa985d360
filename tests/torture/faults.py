"""The ways in which an S3 goes wrong, as its client sees them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.torture.operations import Answer, ConnectionCut, Fault, Operation

# How long the clients wait for an answer here, and longer than that.
REQUEST_SECONDS = 1
_HANGING_SECONDS = 1.6
_SLOW_SECONDS = 0.2


def _always(operation: Operation) -> bool:  # noqa: ARG001 - the interface of `meets`
    return True


def _writes(operation: Operation) -> bool:
    return operation.writes


def _conditional(operation: Operation) -> bool:
    return operation.conditional and operation.writes


def _moves_on(operation: Operation) -> bool:
    # What is created once is believed to be there: S3 does not say so wrongly, and a role may not read all it creates.
    return _conditional(operation) and ("_delta_log" in operation.key or operation.key.endswith("offset.csv"))


def _has_a_body(operation: Operation) -> bool:
    return operation.method in ("GET", "LIST")


def _reads_an_object(operation: Operation) -> bool:
    return operation.method in ("GET", "HEAD")


@dataclass(frozen=True)
class Kind:
    """A way to go wrong.

    Attributes:
        name: for the summary.
        fault: what becomes of an operation that it meets.
        meets: which operations can meet it.
        once: the exit codes that a job may have which met it once; it may always go on as if nothing had been.
        lasting: the exit code of a job that meets it from some moment on; None where that is not tried.
        says: what the error must say where it is lasting.
    """

    name: str
    fault: Fault
    meets: Callable[[Operation], bool] = _always
    once: tuple[int, ...] = (0,)
    lasting: int | None = 75
    says: str = "check the address"


def _slow(operation: Operation) -> Answer:
    time.sleep(_SLOW_SECONDS)
    return operation.apply()


def _no_answer(operation: Operation) -> Answer:  # noqa: ARG001 - the interface of faults
    time.sleep(_HANGING_SECONDS)
    raise ConnectionCut


def _no_answer_but_done(operation: Operation) -> Answer:
    operation.apply()
    time.sleep(_HANGING_SECONDS)
    raise ConnectionCut


def _done_later(operation: Operation) -> Answer:
    time.sleep(_HANGING_SECONDS)
    operation.apply()
    raise ConnectionCut


def _cut(operation: Operation) -> Answer:  # noqa: ARG001 - the interface of faults
    raise ConnectionCut


def _cut_but_done(operation: Operation) -> Answer:
    operation.apply()
    raise ConnectionCut


def _cut_within(operation: Operation) -> Answer:
    answer = operation.apply()
    return replace(answer, sent=len(answer.body) // 2)


def _answers(status: int, code: str) -> Fault:
    return lambda operation: Answer.error(status, code)  # noqa: ARG005 - the interface of faults


def _answers_but_done(status: int, code: str) -> Fault:
    def fault(operation: Operation) -> Answer:
        operation.apply()
        return Answer.error(status, code)

    return fault


# What the retries of the clients must do away with, and a later start where they give up.
PASSING = (
    Kind("slow answers", _slow, lasting=0, says=""),
    Kind("no answer, nothing done", _no_answer),
    Kind("no answer, and it took effect", _no_answer_but_done, _writes),
    Kind("no answer, and it takes effect later", _done_later, _writes),
    Kind("connection cut before the answer", _cut),
    Kind("connection cut, and it took effect", _cut_but_done, _writes),
    Kind("connection cut in the middle of the body", _cut_within, _has_a_body),
    Kind("500 InternalError", _answers(500, "InternalError")),
    Kind("500 InternalError, and it took effect", _answers_but_done(500, "InternalError"), _writes),
    Kind("503 SlowDown", _answers(503, "SlowDown")),
    Kind("503 SlowDown, and it took effect", _answers_but_done(503, "SlowDown"), _writes),
    Kind(
        "409 ConditionalRequestConflict", _answers(409, "ConditionalRequestConflict"), _conditional, says="409 Conflict"
    ),
    Kind("412 PreconditionFailed, wrongly", _answers(412, "PreconditionFailed"), _moves_on, once=(0, 75), lasting=None),
    # A master file that is not there may come: worth a retry.
    Kind("404 NoSuchKey for a moment", _answers(404, "NoSuchKey"), _reads_an_object, once=(0, 75), lasting=None),
    Kind("400 ExpiredToken", _answers(400, "ExpiredToken"), once=(0, 75), says="the credentials have expired"),
)
# What no retry changes: the job stops and says what to do.
REFUSALS = (
    Kind("403 RequestTimeTooSkewed", _answers(403, "RequestTimeTooSkewed"), once=(0, 70), lasting=70, says="clock"),
    Kind("403 AccessDenied", _answers(403, "AccessDenied"), once=(0, 70), lasting=70, says="grant it"),
    Kind("403 InvalidAccessKeyId", _answers(403, "InvalidAccessKeyId"), once=(0, 70), lasting=70, says="credentials"),
    Kind(
        "403 SignatureDoesNotMatch",
        _answers(403, "SignatureDoesNotMatch"),
        once=(0, 70),
        lasting=70,
        says="credentials",
    ),
)
KINDS = (*PASSING, *REFUSALS)
