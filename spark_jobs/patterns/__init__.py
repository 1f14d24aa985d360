"""All patterns in order of their ids; a new one is a module here and a line below."""

from spark_jobs.patterns.child import CHILD
from spark_jobs.patterns.dei_needed import DEI_NEEDED
from spark_jobs.patterns.thresholds import default_thresholds
from spark_jobs.patterns.upgrade import UPGRADE

PATTERNS = (
    UPGRADE,
    CHILD,
    DEI_NEEDED,
)

THRESHOLDS = tuple(threshold for pattern in PATTERNS for threshold in pattern.thresholds)
DEFAULT_THRESHOLDS = default_thresholds(THRESHOLDS)
