"""The detector's settings that decide what it finds, recorded as metadata of its commits to `state/pairs`."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from spark_jobs.errors import StateError
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import open_state
from spark_jobs.store.delta import retry_delta
from spark_jobs.store.objects import Objects

IMPORTANCE_ETAG = "importanceEtag"
_THRESHOLDS = "thresholds"
# Compactions and adoptions of rules have no such metadata.
_COMMITS = 10


@dataclass(frozen=True)
class RecordedSettings:
    """The settings as of the last commit.

    Attributes:
        importance_etag: ETag of the importance file, "" without one.
        thresholds: of the command line, which apply to version 0 of the rules.
    """

    importance_etag: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)


def settings_metadata(settings: RecordedSettings) -> dict[str, str]:
    """Return settings as metadata of a commit."""
    return {IMPORTANCE_ETAG: settings.importance_etag, _THRESHOLDS: str(dict(settings.thresholds))}


def read_recorded_settings(lake: Objects) -> RecordedSettings | None:
    """Return the settings of the detector that has committed last; None if no recent commit has them.

    Raises:
        StateError: they are not what this release writes.
    """
    pairs = open_state(lake, layout.PAIRS)
    commits = retry_delta(pairs.url, lambda: pairs.handle.history(limit=_COMMITS)) if pairs else []
    found = next((commit for commit in commits if _THRESHOLDS in commit), None)
    if found is None:
        return None
    try:
        thresholds = {str(name): float(value) for name, value in ast.literal_eval(str(found[_THRESHOLDS])).items()}
    except (ValueError, SyntaxError, AttributeError, TypeError) as error:
        msg = f"{lake.place(layout.PAIRS)}: the last commit records unknown thresholds ({error!r}); deploy one release"
        raise StateError(msg) from error
    return RecordedSettings(str(found.get(IMPORTANCE_ETAG, "")), thresholds)
