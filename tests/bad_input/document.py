"""Writes `docs/reference/bad-input.md` from the tables: `python -m tests.bad_input.document`."""

from collections.abc import Iterable
from pathlib import Path

from spark_jobs import exit_codes
from tests.bad_input.files import CHANGES, FILES, File
from tests.bad_input.importances import IMPORTANCE_FILES, ImportanceFile
from tests.bad_input.lines import COLUMNS, LINES, Line
from tests.bad_input.outcomes import Lands, Lines, Quarantined, Stops, Waits, Weighs

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bad-input.md"
_SHOWN = 48

_INTRODUCTION = f"""\
# Bad input

What becomes of whatever stands in a file. Written by `python -m tests.bad_input.document` from the tables that the
tests in `tests/bad_input` drive through chunker, landing zone, detector and the files of 50; change it there.

Three things can happen. A line **lands**: its values are kept as they are, without their quotes. Or it goes to
**quarantine**: it keeps its place in the numbering, and `quarantine/` has its raw text and the reason. Or the job
**stops** with an error that names the file and the way out, and every file of the lake stays as it was: exit code
{exit_codes.FAILED_PERMANENT} where somebody has to look, {exit_codes.FAILED_RETRYABLE} where running again can help.

Ids are never changed, and two that differ in a blank or in the form of an accent are two. So chunks, state and files of
50 hold what a spreadsheet would run as a formula: open them as data, or download detections from the page in Airflow,
which guards them ([decision 0041](../decisions/0041-what-stands-in-a-file-is-kept-as-it-is.md)).
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [
            _INTRODUCTION,
            f"## Lines of the master file ({len(LINES)})\n",
            f"In a file with the columns `{COLUMNS.decode()}`.\n",
            *_table(("a line with", "for example", "becomes"), LINES),
            f"## Master files ({len(FILES)})\n",
            *_table(("a file with", "", "becomes"), FILES),
            f"## Changes to a master file that has been landed in part ({len(CHANGES)})\n",
            "Compared are its size and both ends of the part that was read; the same bytes may have another ETag.\n",
            *_table(("the file is", "", "becomes"), CHANGES),
            f"## Importance files ({len(IMPORTANCE_FILES)})\n",
            *_table(("a file with", "", "becomes"), IMPORTANCE_FILES),
        ]
    )


def _table(titles: tuple[str, str, str], kinds: Iterable[Line | File | ImportanceFile]) -> list[str]:
    cells = [
        (kind.kind, _code(kind.raw.decode("utf-8", "backslashreplace")), _outcome(kind.becomes))
        if isinstance(kind, Line)
        else (kind.kind, _outcome(kind.becomes))
        for kind in kinds
    ]
    head = [title for title in titles if title]
    rows = [head, ["---"] * len(head), *cells]
    return [*(f"| {' | '.join(row)} |" for row in rows), ""]


def _outcome(becomes: Lands | Quarantined | Lines | Waits | Stops | Weighs) -> str:
    match becomes:
        case Lands():
            return ", ".join(["lands", *_particulars(becomes)])
        case Quarantined(reason):
            return f"quarantine: {_escaped(reason)} …"
        case Lines(landed, 0):
            return f"{landed} lines land"
        case Lines(landed, quarantined):
            return f"{landed} lines land, {quarantined} of them in quarantine"
        case Waits():
            return "waits: nothing lands yet (exit code 10)"
        case Stops(error, said):
            code = exit_codes.FAILED_RETRYABLE if error.retryable else exit_codes.FAILED_PERMANENT
            return f"stops ({code}): {_escaped(said)} …"
        case Weighs(int(units)):
            return f"weight {units / 10_000:g}"
        case _:
            return "no weight"


def _particulars(becomes: Lands) -> list[str]:
    found = []
    if becomes.customer != "C1":
        found.append(f"customer {_code(becomes.customer)}")
    if becomes.paise != Lands.paise:
        found.append(f"₹{becomes.paise / 100:.2f}")
    if not becomes.weighted:
        found.append("without a weight")
    return found


def _code(text: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)
    return f"`{_escaped(plain)}`" if plain else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
