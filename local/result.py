"""The table that a run ends with."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.bucket import LAKE_KEY
from local.lake_view import LakeView
from local.progress import Status
from spark_jobs.lake import layout


def print_result(console: Console, view: LakeView, status: Status, directory: Path) -> None:
    """Print what was found, and where it is kept under `directory`."""
    quarantined = view.quarantined_lines()
    files = len(list(view.keys(f"{layout.DETECTION_FILES}/")))
    table = Table("what", "how many", title="Result", title_justify="left")
    table.columns[1].justify = "right"
    rows = [
        ("transactions", status.committed_line - quarantined),
        ("chunks", len(list(view.keys(f"{layout.LANDING_ZONE}/")))),
        ("quarantined lines", quarantined),
        *((f"detections {name}", count) for name, count in sorted(status.detections.items())),
        ("files of 50 detections", files),
        ("detections that wait for their file", status.waiting),
    ]
    for what, count in rows:
        table.add_row(what, f"{count:,}")
    table.add_row("seconds", f"{status.seconds:.1f}")
    console.print(table)
    lake = directory / LAKE_KEY
    if files:
        console.print(f"detection files  {lake / layout.DETECTION_FILES}")
    console.print(f"state (Delta)    {lake / 'state'}")
    console.print(f"logs             {directory / 'logs'}")
