"""An auth manager that knows rights per DAG, which Airflow's simple one does not.

In Airflow's environment: ``AIRFLOW__CORE__AUTH_MANAGER=tests.support.auth_manager.PerDagAuthManager``, the repository's
root in ``PYTHONPATH``, and who is limited in ``TESTS_DAG_GRANTS``, as JSON: user -> DAG id -> ``read`` or ``edit``::

    {"partial": {"mine": "edit", "shared": "read"}, "nobody": {}}

Such a user has no right on any other DAG; role and password are the simple auth manager's, and so is everybody else.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

GRANTS = "TESTS_DAG_GRANTS"
PATH = "tests.support.auth_manager.PerDagAuthManager"


class PerDagAuthManager(SimpleAuthManager):
    """The simple auth manager, for some users limited to some DAGs."""

    def is_authorized_dag(
        self, *, method: ResourceMethod, user: Any, access_entity: Any = None, details: Any = None
    ) -> bool:
        """As in the simple one, and the DAG was granted. Without a DAG: any was, as FAB's auth manager has it."""
        if not super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details):
            return False
        grants: dict[str, str] | None = json.loads(os.environ.get(GRANTS, "{}")).get(user.username)
        if grants is None:
            return True
        dag_id = details.id if details else None
        granted = list(grants.values()) if dag_id is None else [grants[dag_id]] if dag_id in grants else []
        return "edit" in granted or (method == "GET" and "read" in granted)
