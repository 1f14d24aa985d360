"""Jobs, runs and idempotency tokens in SQLite: the state that survives the server."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from local.databricks.model import Job, Run

_TABLES = """
CREATE TABLE IF NOT EXISTS numbers (last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (job_id INTEGER PRIMARY KEY, name TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    run_id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, created INTEGER NOT NULL, live INTEGER NOT NULL,
    run_type TEXT NOT NULL, document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_of_job ON runs (job_id, run_id);
CREATE INDEX IF NOT EXISTS live_runs ON runs (live) WHERE live;
CREATE TABLE IF NOT EXISTS attempts (run_id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS run_numbers (job_id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, run_id INTEGER NOT NULL);
"""


class Store:
    """The database. All methods may be called from any thread; each is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def new_id(self) -> int:
        """Return an id that no job or run has had."""
        with self._lock:
            row = self._db.execute("SELECT last FROM numbers").fetchone()
            number = 1000 if row is None else row[0] + 1
            statement = "INSERT INTO numbers VALUES (?)" if row is None else "UPDATE numbers SET last = ?"
            self._db.execute(statement, (number,))
            return number

    def put_job(self, job: Job) -> None:
        """Save a job."""
        with self._lock:
            self._db.execute("REPLACE INTO jobs VALUES (?, ?, ?)", (job.job_id, job.name, json.dumps(asdict(job))))

    def job(self, job_id: int) -> Job | None:
        """Return a job, None if it does not exist."""
        with self._lock:
            row = self._db.execute("SELECT document FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return Job(**json.loads(row[0])) if row else None

    def jobs(self) -> list[Job]:
        """Return all jobs, newest first."""
        with self._lock:
            rows = self._db.execute("SELECT document FROM jobs ORDER BY job_id DESC").fetchall()
        return [Job(**json.loads(row[0])) for row in rows]

    def delete_job(self, job_id: int) -> None:
        """Delete a job; its runs are kept."""
        with self._lock:
            self._db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def put_run(self, run: Run, token: str | None = None) -> None:
        """Save a run, and the token that stands for it."""
        with self._lock:
            self._db.execute("BEGIN")
            self._db.execute(
                "REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
                (run.run_id, run.job_id, run.created, run.state.is_active, run.run_type, json.dumps(asdict(run))),
            )
            rows = [(attempt.run_id, run.run_id) for attempt in run.attempts]
            self._db.executemany("INSERT OR IGNORE INTO attempts VALUES (?, ?)", rows)
            if token:
                self._db.execute("INSERT INTO tokens VALUES (?, ?)", (token, run.run_id))
            self._db.execute("COMMIT")

    def run(self, run_id: int) -> Run | None:
        """Return a run by its own id or that of one of its attempts, None if it does not exist."""
        with self._lock:
            row = self._db.execute(
                "SELECT document FROM runs"
                " WHERE run_id = COALESCE((SELECT parent_id FROM attempts WHERE run_id = ?), ?)",
                (run_id, run_id),
            ).fetchone()
        return Run.from_json(json.loads(row[0])) if row else None

    def run_of_token(self, token: str) -> int | None:
        """Return the id of the run that a token stands for, even if the run has been deleted."""
        with self._lock:
            row = self._db.execute("SELECT run_id FROM tokens WHERE token = ?", (token,)).fetchone()
        return int(row[0]) if row else None

    def active_runs(self) -> list[Run]:
        """Return the runs that have not ended, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT document FROM runs WHERE live ORDER BY run_id").fetchall()
        return [Run.from_json(json.loads(row[0])) for row in rows]

    def runs(
        self,
        *,
        job_id: int | None = None,
        active: bool | None = None,
        run_type: str | None = None,
        created_from: int | None = None,
        created_to: int | None = None,
        below: int | None = None,
    ) -> Iterator[Run]:
        """Yield runs, newest first.

        Args:
            job_id: only runs of this job.
            active: only runs that have not ended, or only runs that have.
            run_type: only `JOB_RUN` or `SUBMIT_RUN`.
            created_from, created_to: milliseconds, both inclusive.
            below: only ids below this one.
        """
        conditions = [
            ("job_id = ?", job_id),
            ("live = ?", active),
            ("run_type = ?", run_type),
            ("created >= ?", created_from),
            ("created <= ?", created_to),
            ("run_id < ?", below),
        ]
        used = [(text, value) for text, value in conditions if value is not None]
        where = "WHERE " + " AND ".join(text for text, _ in used) if used else ""
        query = f"SELECT document FROM runs {where} ORDER BY run_id DESC"
        with self._lock:
            cursor = self._db.cursor().execute(query, [value for _, value in used])
        while True:
            with self._lock:
                row = cursor.fetchone()
            if row is None:
                return
            yield Run.from_json(json.loads(row[0]))

    def new_run_number(self, job_id: int) -> int:
        """Return the number of a job's next run, counted from 1; no run has had it, deleted ones included."""
        with self._lock:
            # Databases of earlier versions have runs, but no numbers.
            self._db.execute(
                "INSERT OR IGNORE INTO run_numbers"
                " SELECT ?, COALESCE(MAX(json_extract(document, '$.number_in_job')), 0) FROM runs WHERE job_id = ?",
                (job_id, job_id),
            )
            statement = "UPDATE run_numbers SET last = last + 1 WHERE job_id = ? RETURNING last"
            return int(self._db.execute(statement, (job_id,)).fetchone()[0])

    def delete_run(self, run_id: int) -> None:
        """Delete a run; its token is kept."""
        with self._lock:
            self._db.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
            self._db.execute("DELETE FROM attempts WHERE parent_id = ?", (run_id,))
