"""Every error that the jobs raise on purpose.

::

    PipelineError
    ├── RetryableError            run again: nothing was lost, and the data is fine
    │   ├── SourceMissingError        the master file does not exist (yet)
    │   ├── SourceReplacedError       the master file was replaced while it was being read
    │   ├── OffsetRaceLostError       another chunker run advanced offset.csv first
    │   ├── RulesRaceLostError        another publisher created the version of the rules first
    │   └── StorageError              the object store failed
    └── PermanentError            stop: somebody has to act
        ├── StorageRefusedError       the object store refuses: permissions, credentials, region, quota, clock
        ├── UnsuitableStoreError      the object store ignores the conditions of a write
        ├── TableFeatureError         a Delta table has a feature that the jobs cannot use
        ├── TableDamagedError         an object of a Delta table is missing or unreadable
        ├── AccessModeError           the Spark session is not in this process
        ├── DeltaMissingError         the Spark session cannot write Delta tables
        ├── SourceHeaderError         no header, or an unusable one
        ├── SourceLineError           a line of the master file does not end
        ├── SourceRewrittenError      the landed part is missing or different
        ├── OffsetUnreadableError     offset.csv is not what the chunker writes
        ├── RulesError                rules are malformed, or published ones are missing or changed
        ├── LandingZoneError          a gap in the landing zone, or a damaged chunk
        ├── ImportanceError           the importance file is missing or malformed
        ├── HeartbeatUnreadableError  the detector's heartbeat is not what this release writes
        ├── HistoryUnreadableError    the detector's history is not what this release writes
        ├── StateError                the state is damaged, or written by a newer release
        ├── UnknownNameError          the state has no such merchant or customer
        ├── MerchantTooLargeError     a merchant has more customers than the reader may hold in memory
        ├── ReplayError               a replay cannot begin at its line, or its output is in use
        ├── WhatIfError               a what-if has no lines, or its report is another one's or does not exist
        └── SecondDetectorError       another detector commits to the same lake

Messages name the thing, the place and the remedy.
"""

from typing import ClassVar


class PipelineError(Exception):
    """Root of all errors raised on purpose; `retryable` tells whether running again can help."""

    retryable: ClassVar[bool]


class RetryableError(PipelineError):
    """Raised when the same call may succeed if it is repeated."""

    retryable = True


class SourceMissingError(RetryableError):
    """Raised when the master file does not exist."""


class SourceReplacedError(RetryableError):
    """Raised when the master file is replaced between two reads of one run."""


class OffsetRaceLostError(RetryableError):
    """Raised when another chunker run advanced offset.csv first; this run changed nothing that counts."""


class RulesRaceLostError(RetryableError):
    """Raised when another publisher created the next version of the rules first; nothing was published."""


class StorageError(RetryableError):
    """Raised when the object store fails despite its client's retries."""


class PermanentError(PipelineError):
    """Raised when running again cannot help until somebody acts."""

    retryable = False


class StorageRefusedError(PermanentError):
    """Raised when the object store refuses a request, and would do so again."""


class UnsuitableStoreError(PermanentError):
    """Raised when the object store ignores `If-None-Match` or `If-Match`, on which every guarantee rests."""


class TableFeatureError(PermanentError):
    """Raised when a Delta table has a feature, switched on by somebody else, that the jobs cannot use."""


class TableDamagedError(PermanentError):
    """Raised when an object of a Delta table is missing or unreadable, and would be again."""


class AccessModeError(PermanentError):
    """Raised when the detector gets a session of Spark Connect, whose driver is another process."""


class DeltaMissingError(PermanentError):
    """Raised when Spark has no Delta Lake, which the state backend `spark` needs."""


class SourceHeaderError(PermanentError):
    """Raised when the master file has no header, or one without a required column."""


class SourceLineError(PermanentError):
    """Raised when a line of the master file is longer than a chunk may be."""


class SourceRewrittenError(PermanentError):
    """Raised when the master file shrinks, or its landed part changes."""


class OffsetUnreadableError(PermanentError):
    """Raised when offset.csv cannot be read as an offset."""


class RulesError(PermanentError):
    """Raised when rules are malformed, or published rules are missing or changed."""


class LandingZoneError(PermanentError):
    """Raised when the landing zone has a gap, or a chunk without the lines that it must have."""


class ImportanceError(PermanentError):
    """Raised when the importance file is missing or malformed."""


class HeartbeatUnreadableError(PermanentError):
    """Raised when the detector's heartbeat cannot be parsed."""


class HistoryUnreadableError(PermanentError):
    """Raised when the detector's history cannot be parsed; only plots depend on it."""


class StateError(PermanentError):
    """Raised when the state cannot be read, or was written by a newer release."""


class UnknownNameError(PermanentError):
    """Raised when the state has no such merchant or customer."""


class MerchantTooLargeError(PermanentError):
    """Raised when a merchant has more rows in the state than the reader may hold in memory."""


class ReplayError(PermanentError):
    """Raised when a replay cannot begin: no state of its line is kept, or its output is in use."""


class WhatIfError(PermanentError):
    """Raised when a what-if has no lines to replay, or a report belongs to another what-if or does not exist."""


class SecondDetectorError(PermanentError):
    """Raised when another detector has committed since this one loaded the state."""
