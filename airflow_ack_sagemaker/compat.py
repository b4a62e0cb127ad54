"""Every difference between the Airflow versions that are supported (3.1 to 3.3), and every way into Airflow that is not
its public interface.

====================  ==========================================  ============================================
what                  3.1 and 3.2                                 3.3
====================  ==========================================  ============================================
exceptions            3.1: ``airflow.exceptions``                 3.2 and later: ``airflow.sdk.exceptions``
a trigger's on_kill   never called                                called when a user marks or clears the task
asset state store     none: a watcher forgets at a restart        `recalled`, `remember`
an event is stored    nothing tells it                            `triggers.producer`
====================  ==========================================  ============================================
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

try:
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
except ImportError:  # Airflow 3.1 has them elsewhere
    from airflow.exceptions import (  # type: ignore[no-redef,attr-defined]
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
    )

__all__ = [
    "ON_KILL_SECONDS",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "default_deferrable",
    "instance_of_airflow",
    "masked_parameters",
    "recalled",
    "remember",
    "server_connection",
    "task_state",
    "underscored",
]

ON_KILL_SECONDS = 20.0
"""How long a trigger's ``on_kill`` may take: less than ``[triggerer] on_kill_timeout``, which is 30 unless somebody has
changed it. Airflow goes on cancelling meanwhile, about once a second."""


def task_state(instance: Any) -> str | None:
    """The state that Airflow's database has for a task instance now; None where it has no such instance. Blocks.

    Airflow has called a trigger's ``on_kill`` on a mere reassignment (airflow#73454), and the signal that ends a worker
    does not say who has sent it: so both ask.

    :param instance: whatever has ``dag_id``, ``task_id``, ``run_id`` and ``map_index``.
    :raises Exception: Airflow cannot be asked; which class depends on the version and on the process.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=instance.dag_id,
        task_ids=[instance.task_id],
        run_ids=[instance.run_id],
        map_index=instance.map_index,
    )
    of_run = states.get(instance.run_id) or {}
    # The key of a mapped task's instance has its index.
    state = of_run.get(instance.task_id, next(iter(of_run.values()), None))
    return None if state is None else str(state)


async def recalled(trigger: Any, key: str) -> Any:
    """What an asset's watcher has put into Airflow's asset state store; None where there is nothing, or no store."""
    store = getattr(trigger, "asset_state_store", None)
    try:
        return None if store is None else await store.aget(key)
    except ValueError:  # the watcher serves several assets, and the store is one asset's
        return None


async def remember(trigger: Any, key: str, value: Any) -> None:
    """Put a JSON value into Airflow's asset state store, where there is one."""
    store = getattr(trigger, "asset_state_store", None)
    try:
        if store is not None:
            await store.aset(key, value)
    except ValueError:  # as above
        return


def server_connection(conn_id: str) -> Any:
    """A connection as the API server has it. Blocks.

    On Airflow 3.1 the hooks' own way leads to the task's supervisor, which an API server does not have.
    """
    from airflow.models import Connection

    return Connection.get_connection_from_secrets(conn_id)


def instance_of_airflow() -> str:
    """What tells this Airflow from another one that uses the same namespace; "" where nothing does.

    ``[ack_sagemaker] instance``, and where that is not set, the URL by which its users know it (``[api] base_url``).
    """
    from airflow.configuration import conf

    given = conf.get("ack_sagemaker", "instance", fallback=None)
    if given is not None:
        return str(given)
    return str(conf.get("api", "base_url", fallback=None) or "").rstrip("/")


def default_deferrable() -> bool:
    """Whether operators and sensors wait on the triggerer where the DAG does not say.

    ``[operators] default_deferrable`` is obeyed where it says True, and where the environment sets it
    (``AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE``). A False in ``airflow.cfg`` counts for nothing: Airflow writes that
    file itself with all its defaults, and this default would hold a worker's place for hours.
    """
    from airflow.configuration import conf

    if "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE" in os.environ:
        return bool(conf.getboolean("operators", "default_deferrable"))
    return True


def masked_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for an XCom, an event or a log: what looks like a secret is masked, as Airflow masks it in rendered
    fields: by its name (``[core] sensitive_var_conn_names``) or because it is a registered secret.
    """
    from airflow.sdk._shared.secrets_masker import redact

    shown: dict[str, Any] = {}
    for name, value in parameters.items():
        for key in (name, underscored(name)):
            value = cast(dict[str, Any], redact({key: value}))[key]
        shown[name] = value
    return shown


def underscored(name: str) -> str:
    """``ApiKey`` as ``api_key``: Airflow's words have underscores, SageMaker's names have capitals."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).strip("_").replace("-", "_").lower()
