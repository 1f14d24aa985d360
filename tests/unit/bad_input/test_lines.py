"""Each kind of line, alone among good ones, through chunker, landing zone, detector and detection files."""

import csv
import hashlib
import io
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spark_jobs.chunker.land import ChunkerJob, land_next_chunk
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.kernel.pair_rows import all_pair_rows
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.chunk_csv import parse_rows
from spark_jobs.lake.detection_files import detection_file
from spark_jobs.lake.layout import quarantine_path
from spark_jobs.lake.quarantine import RAW_CHARACTERS, parse_quarantine
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Detector, Outcome, Reported
from spark_jobs.patterns.detections import Detection, detection_rows, parse_detection_rows
from spark_jobs.patterns.schedule import Rules
from tests.unit.bad_input.lines import COLUMNS, LINES, NO_RECORD, Line, good_line, kinds_in_one_file
from tests.unit.bad_input.outcomes import Lands, Quarantined
from tests.unit.chunker_job import new_job, write_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Every pair is a child from its first transaction on, so that each id reaches a file.
RULES = Rules(built_in_rules({"child_transactions": 1, "child_mean_amount": 1e12}), every_chunk=False)


def landed(lines: list[bytes], job: ChunkerJob) -> ChunkSums:
    """Land lines as one chunk, and return its sums as the detector's source reads it."""
    write_source(job, b"\n".join([COLUMNS, *lines, b""]))
    chunk = land_next_chunk(job)
    assert chunk
    assert chunk.end == len(lines), "every line keeps its place"
    again = job.landing.rows(0)
    assert again["line"].tolist() == list(range(len(lines)))
    table = job.landing.read(0, chunk.end, CHUNK_COLUMNS)
    return ChunkSums.unpack(chunk.end, sum_chunk(table, chunk.end).packed())


def detected(sums: ChunkSums) -> Outcome:
    return Detector(PairState(), Reported(), RULES, lambda: NOW).advance([sums])


def ids_in_file(detections: list[Detection]) -> set[tuple[str, str]]:
    _, data = detection_file(detections)
    rows = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return {(row["customerName"], row["MerchantId"]) for row in rows}


@pytest.mark.parametrize("landing_format", ["csv", "delta"])
@pytest.mark.parametrize("line", LINES, ids=[line.kind + line.file_quotes for line in LINES])
def test_a_line_has_its_outcome(line: Line, landing_format: str, tmp_path: Path) -> None:
    job = new_job(tmp_path.as_uri(), landing_format, chunk_size=60)
    before = [good_line(number, line.file_quotes) for number in range(49)]
    in_place_of_it = [] if isinstance(line.becomes, Lands) else [good_line(49, line.file_quotes or '"')]
    sums = landed([*before, line.raw, *in_place_of_it], job)

    quarantine = job.lake.find(quarantine_path(0))
    others = [row for row in sums.rows.to_pylist() if row["merchant"] != "GM"]
    expected = {(f"G{number}", "GM") for number in range(49)}
    if isinstance(line.becomes, Quarantined):
        assert quarantine
        whole = line.raw.removesuffix(b"\r")
        raw = whole.decode("utf-8", "backslashreplace")
        (found,) = parse_rows(quarantine.data).to_dict("records")
        assert (found["line"], found["raw"]) == (49, raw[:RAW_CHARACTERS])
        assert (found["bytes"], found["sha256"]) == (str(len(whole)), hashlib.sha256(whole).hexdigest())
        assert found["reason"].startswith(line.becomes.reason)
        (shown,) = parse_quarantine(quarantine.data)
        assert (shown.line, shown.reason, shown.raw) == (49, found["reason"], raw[:300])
        assert others == []
        expected.add(("G49", "GM"))
    else:
        assert quarantine is None
        (row,) = others
        assert (row["customer"], row["gender"], row["merchant"], row["amount_paise"], row["weighted_transactions"]) == (
            line.becomes.customer,
            line.becomes.gender,
            line.becomes.merchant,
            line.becomes.paise,
            int(line.becomes.weighted),
        )
        expected.add((line.becomes.customer, line.becomes.merchant))
    assert ids_in_file(detected(sums).detections) == expected


@pytest.mark.parametrize("quotes", ["", "'", '"'])
def test_all_kinds_in_one_chunk_survive_a_restart(quotes: str, tmp_path: Path) -> None:
    """A bad line does not affect its neighbours in chunk, sums and Delta tables."""
    job = new_job((tmp_path / "lake").as_uri(), chunk_size=1000)
    kinds, lines = kinds_in_one_file(quotes)
    outcome = detected(landed(lines, job))
    tables = StateTables(job.lake)
    tables.commit(outcome, {})
    loaded = StateTables(job.lake).load()
    landing = [line.becomes for line in kinds if isinstance(line.becomes, Lands)]
    pairs = {(becomes.customer, becomes.merchant) for becomes in landing} | ({("G0", "GM")} if quotes else set())
    rows = all_pair_rows(loaded.pairs, 0).to_pylist()
    assert {(row["customer"], row["merchant"]) for row in rows} == pairs
    assert {(d.customer, d.merchant) for d in tables.detections_from(0)} == pairs
    assert sum(row["transactions"] for row in rows) == len(landing) + bool(quotes)


# Bytes that are mostly CSV, numbers and quotes, with some noise.
_pieces = st.one_of(
    st.sampled_from([b",", b"'", b'"', b"\r", b"\0", b" ", b"\xff", b"\xef\xbb\xbf", b"=", b"-", b".", b"e", b"''"]),
    st.sampled_from([b"C1", b"F", b"M1", b"food", b"1", b"NaN", b"1e308", b"C1,F,M1,food,1,1"]),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=5).map(str.encode),
    st.binary(max_size=5).map(lambda data: data.replace(b"\n", b"")),
)
_lines = st.lists(_pieces, max_size=12).map(b"".join)
_fields = st.text(st.characters(exclude_characters="\n\r\0,'\"", exclude_categories=["Cs"]), min_size=1, max_size=8)
_numbers = st.from_regex(r"\A-?(?:[0-9]{1,12}\.?[0-9]{0,20}|\.[0-9]{1,9})(?:[eE][+-]?[0-9]{1,4})?\Z")
_transactions = st.tuples(_fields, _fields, _fields, _fields, st.one_of(_numbers, _fields), _fields).map(
    lambda fields: ",".join(fields).encode()
)


@given(st.lists(st.one_of(_lines, _transactions), min_size=1, max_size=6))
@example([b"\r'"])
def test_any_line_lands_or_goes_to_quarantine_and_the_detector_continues(lines: list[bytes]) -> None:
    job = new_job(chunk_size=60)
    lines = [*lines, NO_RECORD]
    sums = landed(lines, job)
    rows = job.landing.rows(0)
    quarantine = job.lake.find(quarantine_path(0))
    quarantined = {line.line: line for line in parse_quarantine(quarantine.data)} if quarantine else {}
    assert set(quarantined) == {number for number, row in zip(rows["line"], rows["customer"], strict=True) if row == ""}
    for number, line in quarantined.items():
        assert line.reason
        assert line.raw == lines[number].removesuffix(b"\r").decode("utf-8", "backslashreplace")[:300]
    kept = rows[rows["customer"] != ""]
    assert sum(sums.rows.column("transactions").to_pylist()) == len(kept)
    amounts = [round(Fraction(amount) * 100) for amount in kept["amount"]]
    assert sum(sums.rows.column("amount_paise").to_pylist()) == sum(amounts)

    outcome = detected(sums)
    found = parse_detection_rows(detection_rows(outcome.detections))
    assert {(d.customer, d.merchant) for d in found} == set(zip(kept["customer"], kept["merchant"], strict=True))
    for detection in found:
        # The file contains each id unchanged.
        fifty = [Detection(seq, *list(vars(detection).values())[1:]) for seq in range(50)]
        assert ids_in_file(fifty) == {(detection.customer, detection.merchant)}
