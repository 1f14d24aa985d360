from datetime import UTC, datetime, timedelta

from orchestration.arrivals import Arrival, format_arrivals, note_arrival, parse_arrivals

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def test_the_oldest_that_waits_is_that_of_the_first_look_that_found_it() -> None:
    noted = note_arrival((), 100, at(0), next_byte=50)
    noted = note_arrival(noted, 200, at(1), next_byte=50)
    noted = note_arrival(noted, 200, at(1), next_byte=50)
    assert noted == (Arrival(100, at(0)), Arrival(200, at(1)))


def test_what_is_landed_is_forgotten_though_the_chunker_never_catches_up() -> None:
    noted: tuple[Arrival, ...] = ()
    for minute in range(10):
        # It lands what came three minutes ago.
        noted = note_arrival(noted, 100 * (minute + 1), at(minute), next_byte=max(0, 100 * (minute - 2)))
    assert noted[0] == Arrival(800, at(7))
    assert len(noted) == 3


def test_the_first_line_after_a_quiet_hour_is_not_an_hour_old() -> None:
    noted = note_arrival((), 100, at(0), next_byte=100)
    assert note_arrival(noted, 200, at(60), next_byte=100) == (Arrival(200, at(60)),)


def test_a_day_without_landing_keeps_the_oldest_and_a_bounded_number() -> None:
    noted: tuple[Arrival, ...] = ()
    for minute in range(5000):
        noted = note_arrival(noted, minute + 1, at(minute), next_byte=0)
    assert noted[0] == Arrival(1, at(0))
    assert noted[-1].size == 5000
    assert len(noted) <= 1440


def test_arrivals_survive_as_json() -> None:
    noted = (Arrival(100, at(0)), Arrival(200, at(1)))
    assert parse_arrivals(format_arrivals(noted)) == noted
