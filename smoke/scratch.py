"""The lake of a smoke run: claimed before anything else is written, and deleted by the run that claimed it."""

import json
from dataclasses import dataclass
from pathlib import Path

from smoke.workspace import SmokeError
from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import APPLICATION
from spark_jobs.store.address import parse_address
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import Objects, open_objects

_CLAIM = "smoke.json"
# More than a listing's page of keys per request is refused.
_DELETED_AT_ONCE = 1000

# Line, pattern id, merchant, customer.
Found = tuple[int, str, str, str]


@dataclass(frozen=True)
class ScratchLake:
    """A lake for one smoke run, with its own master and importance file.

    Attributes:
        objects: everything in it.
    """

    objects: Objects

    @property
    def url(self) -> str:
        """Its address."""
        return self.objects.url

    def upload(self, name: str, data: bytes) -> str:
        """Write an input file; return its URL."""
        self.objects.write(name, data)
        return self.objects.place(name)

    def detections(self) -> list[Found]:
        """Return the detections in the state, in order."""
        table = open_table(self.objects.place(layout.DETECTIONS), APPLICATION)
        if table is None:
            return []
        rows = table.read(["seq", "line", "patternId", "MerchantId", "customerName"]).sort_by("seq")
        return [tuple(row.values())[1:] for row in rows.to_pylist()]

    def detection_files(self) -> int:
        """Return the number of files of 50 detections."""
        return sum(1 for _ in self.objects.list_after(layout.DETECTION_FILES, ""))

    def delete(self) -> int:
        """Delete everything below its address, the claim last; return the number of objects."""
        address = self.objects.address
        folder, _, name = address.path.rpartition("/")
        parent = open_objects(f"{address.scheme}://{address.bucket}/{folder}")
        paths = [path for path in parent.list_after(name, "") if path != f"{name}/{_CLAIM}"]
        for at in range(0, len(paths), _DELETED_AT_ONCE):
            parent.delete(paths[at : at + _DELETED_AT_ONCE])
        self.objects.delete([_CLAIM])
        return len(paths) + 1


def claim_lake(url: str, deployed: str, content: dict[str, str]) -> ScratchLake:
    """Claim an empty place for a smoke run.

    Args:
        deployed: URL of the lake of the deployment, from which the place must be apart.
        content: recorded in the claim.

    Raises:
        SmokeError: the place is the deployment's lake, in it or around it, or is not empty; nothing was written.
        PipelineError: the store refuses.
    """
    place, own = parse_address(url), parse_address(deployed)
    if place.is_within(own) or own.is_within(place):
        msg = f"--lake {url} is not apart from the deployment's lake {deployed}; choose a place beside it"
        raise SmokeError(msg)
    if not place.path:
        msg = f"--lake {url} is a whole bucket, and everything in it would be deleted; choose a prefix"
        raise SmokeError(msg)
    folder, _, name = place.path.rpartition("/")
    found = next(iter(open_objects(f"{place.scheme}://{place.bucket}/{folder}").list_after(name, "")), None)
    objects = open_objects(url)
    if found is not None or not objects.create(_CLAIM, json.dumps(content).encode()):
        msg = f"--lake {url} is not empty, it contains {found or _CLAIM}; choose an empty place"
        raise SmokeError(msg)
    return ScratchLake(objects)


def upload_sample(lake: ScratchLake, sample: Path) -> tuple[str, str]:
    """Upload master and importance file of a sample; return their URLs."""
    names = ("CustomerImportance.csv", "transactions.csv")
    importance, source = (lake.upload(name, (sample / name).read_bytes()) for name in names)
    return source, importance
