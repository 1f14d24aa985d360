"""Kinds of storage faults, as seen by the client."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.system.torture.operations import Answer, ConnectionCut, Fault, Operation

# The request timeout of the clients; a hanging request takes longer.
REQUEST_SECONDS = 1
_HANGING_SECONDS = 1.6
_SLOW_SECONDS = 0.2


def _always(operation: Operation) -> bool:  # noqa: ARG001 - the interface of `applies_to`
    return True


def _writes(operation: Operation) -> bool:
    return operation.writes


def _conditional(operation: Operation) -> bool:
    return operation.conditional and operation.writes


def _advances(operation: Operation) -> bool:
    # Only objects that are replaced or numbered: for one created once a 412 is trusted, since the role may not read it.
    return _conditional(operation) and ("_delta_log" in operation.key or operation.key.endswith("offset.csv"))


def _has_a_body(operation: Operation) -> bool:
    return operation.method in ("GET", "LIST")


def _reads_an_object(operation: Operation) -> bool:
    return operation.method in ("GET", "HEAD")


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: for the summary.
        fault: what it does to an operation.
        applies_to: whether an operation can have it.
        once: the allowed exit codes after it occurred once.
        lasting: the exit code if it does not end; None if that is not tested.
        message: part of the error message if it does not end.
    """

    name: str
    fault: Fault
    applies_to: Callable[[Operation], bool] = _always
    once: tuple[int, ...] = (0,)
    lasting: int | None = 75
    message: str = "check the address"


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


# Temporary faults: the clients' retries must handle them, or a restart of the job.
PASSING = (
    Kind("slow answers", _slow, lasting=0, message=""),
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
        "409 ConditionalRequestConflict",
        _answers(409, "ConditionalRequestConflict"),
        _conditional,
        message="ConditionalRequestConflict",
    ),
    Kind("412 PreconditionFailed, wrongly", _answers(412, "PreconditionFailed"), _advances, once=(0, 75), lasting=None),
    # Retryable, because the master file may be uploaded later.
    Kind("404 NoSuchKey for a moment", _answers(404, "NoSuchKey"), _reads_an_object, once=(0, 75), lasting=None),
    Kind("400 ExpiredToken", _answers(400, "ExpiredToken"), once=(0, 75), message="the credentials have expired"),
)
# Permanent faults: the job stops and names the remedy.
REFUSALS = (
    Kind("403 RequestTimeTooSkewed", _answers(403, "RequestTimeTooSkewed"), once=(0, 70), lasting=70, message="clock"),
    Kind("403 AccessDenied", _answers(403, "AccessDenied"), once=(0, 70), lasting=70, message="grant it"),
    Kind(
        "403 InvalidAccessKeyId", _answers(403, "InvalidAccessKeyId"), once=(0, 70), lasting=70, message="credentials"
    ),
    Kind(
        "403 SignatureDoesNotMatch",
        _answers(403, "SignatureDoesNotMatch"),
        once=(0, 70),
        lasting=70,
        message="credentials",
    ),
)
KINDS = (*PASSING, *REFUSALS)
