"""`airflow dags test` with somebody who answers its request for approval: `tests.integration.dags.answering:main`.

Airflow's own handlers record the answer, as its API server and its scheduler do. Only the warm process may import this:
it has Airflow's database.
"""

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.timezone import utcnow
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from tests.harness import airflow
from tests.integration.dags.conftest import TIME_OUT, USER


def main(arguments: list[str]) -> int:
    """Run `airflow dags test` with the arguments after the first, the answer: `Approve`, `Reject` or `time out`."""
    answer, *rest = arguments
    done = threading.Event()
    thread = threading.Thread(target=_answer, args=(answer, done))
    thread.start()
    try:
        return airflow.main(["dags", "test", *rest])
    finally:
        done.set()
        thread.join()


def _answer(answer: str, done: threading.Event) -> None:
    """Answer the first request."""
    waiting = select(TaskInstance).where(TaskInstance.state == TaskInstanceState.AWAITING_INPUT)
    while not done.wait(0.2):
        with create_session() as session:
            ti = session.scalar(waiting)
            if ti:
                _let_time_out(ti, session) if answer == TIME_OUT else _respond(ti, answer, session)
                return


def _respond(ti: Any, answer: str, session: Any) -> None:
    user: Any = SimpleNamespace(get_id=lambda: USER, get_name=lambda: USER)
    payload = UpdateHITLDetailPayload(chosen_options=[answer])
    update_hitl_detail(ti.dag_id, ti.run_id, ti.task_id, payload, user, session)


def _let_time_out(ti: Any, session: Any) -> None:
    assert timedelta(hours=23) < ti.trigger_timeout - utcnow() < timedelta(hours=24)
    ti.trigger_timeout = utcnow()
    session.commit()
    SchedulerJobRunner(Job()).check_awaiting_input_timeouts(session=session)  # type: ignore[no-untyped-call]
