import io
import json
import logging

import pytest

from spark_jobs.command_line import exit_on_error, job_logger
from spark_jobs.errors import SourceHeaderError

# Ends of lines to terminals, to Python and to viewers of logs, and what text cannot be encoded with.
ATTACK = 'a\n{"level": "info"}\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x1b[2J\x7f\u202e\U000e0001\ud800"\\'


def test_data_in_an_error_cannot_forge_a_line_of_the_log() -> None:
    log = job_logger("forgery")
    (handler,) = log.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(io.TextIOWrapper(io.BytesIO(), "utf-8"))
    with pytest.raises(SystemExit), exit_on_error(log):
        raise SourceHeaderError(ATTACK)
    handler.flush()
    (line,) = handler.stream.buffer.getvalue().decode().splitlines()
    assert line.isprintable()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["error"]) == (ATTACK, "error", "SourceHeaderError")


def test_names_in_the_log_are_readable() -> None:
    record = logging.LogRecord("chunker", logging.INFO, "", 0, "José ₹ 😀", None, None)
    (handler,) = job_logger("readable").handlers
    assert "José ₹ 😀" in handler.format(record)
