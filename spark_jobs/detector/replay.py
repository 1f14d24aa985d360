"""Replays: the chunks of one lake, with state and detections kept elsewhere; the lake is only read."""

import json
from dataclasses import asdict, dataclass

from spark_jobs.errors import ReplayError
from spark_jobs.lake import layout
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.past_state import read_state_at
from spark_jobs.lake.rules import RecordedAdoption, recorded_adoptions
from spark_jobs.lake.start_lines import first_kept_chunk, read_start
from spark_jobs.lake.state_tables import APPLICATION, StateTables
from spark_jobs.store.address import parse_address
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class Replay:
    """The content of `state/replay.json` in an output.

    Attributes:
        lake: URL of the lake whose chunks are replayed.
        from_line: the line as of which the output's state began.
    """

    lake: str
    from_line: int


def claim_output(replay: Replay, output: Objects) -> None:
    """Claim an empty place as the output of a replay; a place already claimed by the same replay is accepted.

    Raises:
        ReplayError: the place is in the lake, is a lake itself, or belongs to another replay; nothing was written.
    """
    if output.address.is_within(parse_address(replay.lake)):
        msg = f"--output {output.url} is in the lake itself, which a replay only reads; choose a place beside it"
        raise ReplayError(msg)
    stored = output.find(layout.REPLAY)
    if stored is None:
        existing = next((name for name in (layout.OFFSET, layout.HEARTBEAT) if output.find(name)), None) or next(
            iter(output.list_after(layout.PAIRS, "")), None
        )
        if existing:
            msg = f"{output.url} is a lake itself, it contains {existing}; choose an empty place for --output"
            raise ReplayError(msg)
        content = json.dumps(asdict(replay)).encode()
        output.create(layout.REPLAY, content)
        stored = output.find(layout.REPLAY)
    found = _parse(stored.data if stored else b"", output.place(layout.REPLAY))
    if found != replay:
        msg = (
            f"{output.url} contains the replay of {found.lake} from line {found.from_line}; continue that replay, or"
            " choose an empty place for --output"
        )
        raise ReplayError(msg)


def begin_replay(replay: Replay, lake: Objects, landing: Landing, landed_line: int, tables: StateTables) -> None:
    """Initialize empty tables with the lake's state as of the replay's line; if interrupted, call it again.

    Raises:
        ReplayError: the state or the chunk of that line is not kept; names the nearest line of which both are.
        SecondDetectorError: another detector has begun on the same tables.
    """
    line, first_chunk = replay.from_line, first_kept_chunk(landing, landed_line)
    if line == first_chunk == 0:
        return
    past = read_start(lake, line, first_chunk, read_state_at)
    tables.begin_at(line, past.pairs, past.merchants, past.detections)


def replayed_adoptions(lake: Objects, from_line: int) -> list[RecordedAdoption]:
    """Return the adoptions of rules that the lake's detector has recorded, in force from a line on."""
    pairs = open_table(lake.place(layout.PAIRS), APPLICATION)
    return recorded_adoptions(pairs.mark, from_line) if pairs else []


def _parse(data: bytes, place: str) -> Replay:
    try:
        found = json.loads(data)
        return Replay(str(found["lake"]), int(found["from_line"]))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{place} is not what a replay writes; choose an empty place for --output"
        raise ReplayError(msg) from error
