"""Access to the page by Airflow's own checks, because Airflow mounts the apps of plugins without its login."""

from collections.abc import Collection

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from fastapi import Request

_require_website = requires_access_view(AccessView.WEBSITE)


def require_access(request: Request, user: GetUserDep) -> None:
    """Let a user through who is logged in and may see Airflow's website.

    Raises:
        HTTPException: 401 without a valid login, 403 without the permission.
    """
    _require_website(request, user)


class DagAccess:
    """The DAGs whose runs a user may see."""

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
