"""One detector at a time may commit to a state that Spark writes."""

import logging
import threading
from pathlib import Path

import pytest

from spark_jobs.errors import SecondDetectorError, StorageError
from spark_jobs.lake import lease as lease_module
from spark_jobs.lake.layout import LEASE
from spark_jobs.lake.lease import Lease
from spark_jobs.store.objects import Objects, open_objects
from tests.harness.pipeline import wait_until

LOG = logging.getLogger("detector")
SECONDS = 1.5


@pytest.fixture
def lake() -> Objects:
    return open_objects("memory:///lake")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "_SECONDS_BETWEEN_POLLS", 0.02)


def killed_holder(lake: Objects) -> Lease:
    """Return the lease of a detector that was killed: nobody renews or releases it."""
    killed = Lease(lake, LOG, SECONDS)
    killed._acquire()
    return killed


@pytest.mark.parametrize("local", [True, False])
def test_a_lease_is_renewed_refused_to_a_second_detector_and_released(
    lake: Objects, tmp_path: Path, local: bool
) -> None:
    lake = open_objects(tmp_path.as_uri()) if local else lake
    with Lease(lake, LOG, SECONDS).holding() as held:
        first = lake.find(LEASE)
        with pytest.raises(SecondDetectorError, match="a second detector runs on"), Lease(lake, LOG, SECONDS).holding():
            pass
        held.verify()
        assert lake.find(LEASE) != first
    # At once, without waiting for its end.
    with Lease(lake, LOG, 3600).holding() as next_one:
        next_one.verify()


def test_the_lease_of_a_killed_detector_is_taken_once_it_has_expired(lake: Objects) -> None:
    killed = killed_holder(lake)
    with Lease(lake, LOG, SECONDS).holding() as held:
        held.verify()
        # A detector that was only suspended commits nothing more, and does not take it back.
        with pytest.raises(StorageError, match="could not be renewed for"):
            killed.verify()
        assert not killed._renew()
        held.verify()


def test_one_of_two_waiting_detectors_gets_the_lease(lake: Objects) -> None:
    killed_holder(lake)
    done = threading.Event()
    results: list[str] = []

    def wait() -> None:
        try:
            with Lease(lake, LOG, SECONDS).holding():
                results.append("held")
                done.wait()
        except SecondDetectorError:
            results.append("refused")

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(results) == 2)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["held", "refused"]


def test_a_holder_that_cannot_renew_stops_committing_before_anybody_else_may(
    lake: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Lease(lake, LOG, SECONDS).holding() as held:
        with monkeypatch.context() as patch:
            patch.setattr(Objects, "replace", lambda *_: (_ for _ in ()).throw(StorageError("no connection")))
            wait_until(lambda: refused(held))
        # The store is back: so is the lease, as nobody has taken it.
        wait_until(lambda: not refused(held))


def test_a_damaged_lease_is_waited_out(lake: Objects) -> None:
    lake.write(LEASE, b"?")
    with Lease(lake, LOG, SECONDS).holding() as held:
        held.verify()


def refused(held: Lease) -> bool:
    try:
        held.verify()
    except StorageError:
        return True
    return False
