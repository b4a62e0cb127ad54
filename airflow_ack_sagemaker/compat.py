"""Every difference between the Airflow versions that are supported (3.1 to 3.3)."""

from __future__ import annotations

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
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
]


def instance_of_airflow() -> str:
    """What tells this Airflow from another one that uses the same namespace; "" where nothing does.

    ``[ack_sagemaker] instance``, and where that is not set, the URL by which its users know it (``[api] base_url``).
    """
    from airflow.configuration import conf

    given = conf.get("ack_sagemaker", "instance", fallback=None)
    if given is not None:
        return str(given)
    return str(conf.get("api", "base_url", fallback=None) or "").rstrip("/")
