"""A replay: one lake's chunks, the state and what is found under another place; the lake itself is only read."""

import json
from dataclasses import asdict, dataclass

from spark_jobs.errors import ReplayError
from spark_jobs.lake import layout
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.past_state import Neighbours, read_state_at
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class Replay:
    """What `state/replay.json` of an output says.

    Attributes:
        lake: URL of the lake whose chunks are replayed.
        from_line: the line as of which the output's state began.
    """

    lake: str
    from_line: int


def claim_output(replay: Replay, output: Objects) -> None:
    """Make an empty place the output of this replay; one that is its output already stays so.

    Raises:
        ReplayError: it lies in the lake, is a lake of its own, or holds another replay; nothing was written.
    """
    if f"{output.url}/".startswith(f"{replay.lake}/"):
        msg = f"--output {output.url} lies in the lake itself, which a replay only reads; give a place beside it"
        raise ReplayError(msg)
    stored = output.find(layout.REPLAY)
    if stored is None:
        taken = next((name for name in (layout.OFFSET, layout.HEARTBEAT) if output.find(name)), None) or next(
            iter(output.list_after(layout.PAIRS, "")), None
        )
        if taken:
            msg = f"{output.url} is a lake of its own, it has {taken}; give --output a place with nothing in it"
            raise ReplayError(msg)
        content = json.dumps(asdict(replay)).encode()
        output.create(layout.REPLAY, content)
        stored = output.find(layout.REPLAY)
    found = _parse(stored.data if stored else b"", output.place(layout.REPLAY))
    if found != replay:
        msg = (
            f"{output.url} holds the replay of {found.lake} from line {found.from_line}; go on with these, or give"
            " --output a place with nothing in it"
        )
        raise ReplayError(msg)


def begin(replay: Replay, lake: Objects, landing: Landing, landed_line: int, tables: StateTables) -> None:
    """Give tables without a state that of the lake as of the replay's line. Killed, it is simply called again.

    Raises:
        ReplayError: the state or the chunk of that line is not kept; it names the nearest line of which both are.
        SecondDetectorError: another detector has begun on the same tables.
    """
    line = replay.from_line
    first_kept = next(iter(landing.first_lines(0, 1)), landed_line)
    if line == first_kept == 0:
        return
    if line < first_kept:
        nearest = _at_or_above(lake, first_kept)
        msg = f"--from-line {line}: the chunks of {lake.url} below line {first_kept} have expired; {_advice(nearest)}"
        raise ReplayError(msg)
    past = read_state_at(lake, line)
    if isinstance(past, Neighbours):
        below = 0 if past.below is None and first_kept == 0 else past.below
        kept = [near for near in (below, past.above) if near is not None and near >= first_kept]
        nearest = min(kept, key=lambda near: abs(near - line), default=None)
        msg = f"--from-line {line}: {lake.url} keeps no state of this line; {_advice(nearest)}"
        raise ReplayError(msg)
    tables.begin_at(line, past.pairs, past.merchants, past.detections)


def _at_or_above(lake: Objects, line: int) -> int | None:
    found = read_state_at(lake, line)
    return found.above if isinstance(found, Neighbours) else found.line


def _advice(nearest: int | None) -> str:
    if nearest is None:
        return "there is no line whose state and chunks are both kept"
    return f"the nearest line whose state and chunks are kept is {nearest}"


def _parse(data: bytes, place: str) -> Replay:
    try:
        found = json.loads(data)
        return Replay(str(found["lake"]), int(found["from_line"]))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{place} is not what a replay writes; give --output a place with nothing in it"
        raise ReplayError(msg) from error
