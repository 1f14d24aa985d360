"""Who may see the page: whoever may see Airflow. Airflow mounts the apps of plugins without its login."""

from collections.abc import Collection

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from fastapi import Request

_may_see_airflow = requires_access_view(AccessView.WEBSITE)


def require_access(request: Request, user: GetUserDep) -> None:
    """Let through who is logged in and may see Airflow's website, by Airflow's own checks.

    Raises:
        HTTPException: 401 without a valid login, 403 without the permission.
    """
    _may_see_airflow(request, user)


class DagAccess:
    """Of which DAGs a user may see the runs."""

    def __init__(self, user: GetUserDep) -> None:
        self._user = user

    def visible(self, dag_ids: Collection[str]) -> frozenset[str]:
        """Return those of the DAGs whose runs the user may see."""
        manager = get_auth_manager()
        return frozenset(
            dag_id
            for dag_id in dag_ids
            if manager.is_authorized_dag(
                method="GET", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=self._user
            )
        )
