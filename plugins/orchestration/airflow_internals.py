"""What `dags/` and `plugins/` import from Airflow that is not its public interface, and why.

Public are `airflow.sdk`, its exceptions, plugins, and the operators and hooks of providers. Anything else may change in
any release: look at these first when a new Airflow breaks something.
"""

from collections.abc import Mapping

INTERNALS: Mapping[str, str] = {
    "airflow.api_fastapi.app": "the auth manager of this API server; plugins' apps have no other way to it",
    "airflow.api_fastapi.auth.managers.models.resource_details": "names of what an auth manager decides on",
    "airflow.api_fastapi.core_api.security": "the checks of Airflow's own routes; plugins' apps have none",
    "airflow.models": "the deadline's reference reads the run in the scheduler, which has the database but no SDK",
    "airflow.models.dag": "the page reads DAGs in the API server, which has the database but no task to run the SDK in",
    "airflow.models.dagrun": "the page reads runs, see airflow.models.dag",
    "airflow.models.taskinstance": "the page reads the last task of each run, see airflow.models.dag",
    "airflow.sdk.definitions.callback": "public as airflow.sdk.AsyncCallback, which the type stubs of 3.3 lack",
    "airflow.sdk.definitions.deadline": "public as airflow.sdk.DeadlineAlert, which the type stubs of 3.3 lack;"
    " it is also the base of our own reference",
    "airflow.sdk.execution_time": "tells an unreadable variable from an unset one; Variable.get does not",
    "airflow.sdk.execution_time.comms": "the messages for that",
    "airflow.sdk.execution_time.secrets.execution_api": "the backend that is asked with these messages",
    "airflow.utils.session": "a session for these models",
}
