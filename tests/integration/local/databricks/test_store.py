"""What the local Databricks never gives out twice."""

from pathlib import Path

from local.databricks.model import Run
from local.databricks.store import Store


def put_next_run(store: Store, job_id: int) -> Run:
    number = store.new_run_number(job_id)
    run = Run(store.new_id(), job_id, number, "JOB_RUN", "ONE_TIME", {"name": "job", "tasks": []}, {}, {}, 0, "me")
    store.put_run(run)
    return run


def test_a_run_number_is_not_used_again_after_old_runs_were_deleted_and_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "databricks.db"
    store = Store(path)
    runs = [put_next_run(store, 7) for _ in range(3)]
    assert [run.number_in_job for run in runs] == [1, 2, 3]
    assert put_next_run(store, 8).number_in_job == 1
    for run in runs:
        store.delete_run(run.run_id)
    store.close()
    assert put_next_run(Store(path), 7).number_in_job == 4


def test_the_numbers_of_an_earlier_version_are_continued(tmp_path: Path) -> None:
    """Its database has runs, some of them deleted, but no table of numbers."""
    path = tmp_path / "databricks.db"
    store = Store(path)
    first, *_ = [put_next_run(store, 7) for _ in range(3)]
    store.delete_run(first.run_id)
    store._db.execute("DROP TABLE run_numbers")
    store.close()
    assert put_next_run(Store(path), 7).number_in_job == 4
