"""Every error the two jobs raise on purpose.

::

    PipelineError
    ├── RetryableError            run again: nothing was lost, nothing is wrong with the data
    │   ├── SourceMissingError        the master file is not there (yet)
    │   ├── SourceReplacedError       the master file was replaced while it was being read
    │   ├── OffsetRaceLostError       another chunker run moved offset.csv first
    │   └── StorageError              the object store did not do what was asked
    └── PermanentError            stop: somebody has to look
        ├── StorageRefusedError       the object store refuses: rights, credentials, this machine's clock
        ├── SourceHeaderError         no header, or a header that cannot be used
        ├── SourceLineError           a line of the master file that does not end
        ├── SourceRewrittenError      what was already read is gone or different
        ├── OffsetUnreadableError     offset.csv is not what the chunker writes
        ├── LandingZoneError          a gap in the landing zone, or a chunk that is damaged
        ├── ImportanceError           the importance file cannot be used
        ├── HistoryUnreadableError    the detector's history is not what a detector writes
        ├── StateError                the state is damaged, or written by a newer version
        ├── ReplayError               a replay cannot begin where it was asked to
        └── SecondDetectorError       another detector commits to the same lake

A message names the thing, the place and the way out.
"""

from typing import ClassVar


class PipelineError(Exception):
    """Root of all errors raised on purpose; `retryable` says whether running again can help."""

    retryable: ClassVar[bool]


class RetryableError(PipelineError):
    """Raised when the same call may well succeed when it is run again."""

    retryable = True


class SourceMissingError(RetryableError):
    """Raised when the master file does not exist."""


class SourceReplacedError(RetryableError):
    """Raised when the master file was replaced between two reads of one run."""


class OffsetRaceLostError(RetryableError):
    """Raised when another chunker run replaced offset.csv first; this run has changed nothing that counts."""


class StorageError(RetryableError):
    """Raised when the object store fails after its client's own retries."""


class PermanentError(PipelineError):
    """Raised when running again cannot help before somebody has acted."""

    retryable = False


class StorageRefusedError(PermanentError):
    """Raised when the object store refuses what was asked, as it would the next time."""


class SourceHeaderError(PermanentError):
    """Raised when the master file has no header, or one without a needed column."""


class SourceLineError(PermanentError):
    """Raised when a line of the master file is longer than a whole chunk may be."""


class SourceRewrittenError(PermanentError):
    """Raised when the master file became shorter, or its already-read part changed."""


class OffsetUnreadableError(PermanentError):
    """Raised when offset.csv cannot be read as an offset."""


class LandingZoneError(PermanentError):
    """Raised when the landing zone has a gap, or a chunk that does not hold the lines it must."""


class ImportanceError(PermanentError):
    """Raised when the importance file is missing or malformed."""


class HistoryUnreadableError(PermanentError):
    """Raised when the detector's history cannot be read; nothing but plots hangs on it."""


class StateError(PermanentError):
    """Raised when the state cannot be read, or was written by a newer version."""


class ReplayError(PermanentError):
    """Raised when a replay cannot begin: no state is kept of its line, or its output is not its own."""


class SecondDetectorError(PermanentError):
    """Raised when another detector has committed to the state since this one loaded it."""
