"""Paths of everything under a lake. A path depends on lines or sequence numbers alone."""

import re

from spark_jobs.errors import LandingZoneError

LANDING_ZONE = "landing_zone"
QUARANTINE = "quarantine"
OFFSET = "offset.csv"
RULES = "rules"
PAIRS = "state/pairs"
MERCHANTS = "state/merchants"
DETECTIONS = "state/detections"
SHADOW = "state/shadow"
HEARTBEAT = "state/detector.json"
HISTORY = "state/detector_history.json"
LEASE = "state/lease.json"
REPLAY = "state/replay.json"
DETECTION_FILES = "detections"
WHAT_IF = "what_if"

_QUARANTINE = re.compile(r"quarantine_(\d{12})\.csv\Z")
_CHUNK = re.compile(r"chunk_(\d{12})\.csv\Z")
_RULES = re.compile(rf"{RULES}/(\d{{6}})\.toml\Z")
_DETECTION_FILE = re.compile(r"detections_(\d+)_(\d{8})\.csv\Z")


def chunk_path(first_line: int) -> str:
    """Return the path of the chunk at `first_line`; twelve digits make listing order line order."""
    return f"{LANDING_ZONE}/chunk_{first_line:012d}.csv"


def is_chunk(path: str) -> bool:
    """Return whether a path in the landing zone is a chunk, not a file of a Delta table."""
    return _CHUNK.search(path) is not None


def chunk_first_line(path: str) -> int:
    """Return the first line of the chunk at `path`.

    Raises:
        LandingZoneError: it is not a chunk.
    """
    match = _CHUNK.search(path)
    if match is None:
        msg = f"{path} is not a chunk, chunk_<12 digits>.csv; move it elsewhere"
        raise LandingZoneError(msg)
    return int(match.group(1))


def quarantine_path(first_line: int) -> str:
    """Return the path of the quarantine file of the chunk at `first_line`."""
    return f"{QUARANTINE}/quarantine_{first_line:012d}.csv"


def quarantine_first_line(path: str) -> int:
    """Return the first line of the chunk whose quarantine file is at `path`.

    Raises:
        LandingZoneError: it is not a quarantine file.
    """
    match = _QUARANTINE.search(path)
    if match is None:
        msg = f"{path} is not a quarantine file, quarantine_<12 digits>.csv; move it elsewhere"
        raise LandingZoneError(msg)
    return int(match.group(1))


def rules_path(version: int) -> str:
    """Return the path of a version of the rules."""
    return f"{RULES}/{version:06d}.toml"


def rules_version(path: str) -> int | None:
    """Return the version of the rules at `path`, or None if it is another file."""
    match = _RULES.match(path)
    return int(match.group(1)) if match else None


def detection_file_path(epoch_seconds: int, file_number: int) -> str:
    """Return the path of detection file `file_number`; its last row was detected at `epoch_seconds`."""
    return f"{DETECTION_FILES}/detections_{epoch_seconds}_{file_number:08d}.csv"


def detection_file_number(path: str) -> int | None:
    """Return the number of the detection file at `path`, or None if it is another file."""
    match = _DETECTION_FILE.search(path)
    return int(match.group(2)) if match else None
