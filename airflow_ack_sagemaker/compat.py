"""Every difference between the Airflow versions that are supported (3.1 to 3.3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from functools import cache
from typing import Any

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
    "default_deferrable",
    "masked_parameters",
    "underscored",
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


@cache
def default_deferrable() -> bool:
    """Whether operators and sensors wait on the triggerer where the DAG does not say: ``[operators]
    default_deferrable``.

    Airflow's own default for that setting is False, which holds a worker's place for hours. So it counts where somebody
    has set it, in the file or in the environment; else it is True.
    """
    from airflow.configuration import conf

    section, option = "operators", "default_deferrable"
    # `conf.has_option` knows Airflow's defaults, too.
    set_in_file = ConfigParser.has_option(conf, section, option)
    if set_in_file or f"AIRFLOW__{section}__{option}".upper() in os.environ:
        return bool(conf.getboolean(section, option))
    return True


def masked_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for an XCom, an event or a log: what looks like a secret is masked, as Airflow masks it in rendered
    fields: by its name (``[core] sensitive_var_conn_names``) or because it is a registered secret.
    """
    redact = _redact()
    shown = {}
    for name, value in parameters.items():
        for key in (name, underscored(name)):
            value = redact({key: value})[key]
        shown[name] = value
    return shown


def underscored(name: str) -> str:
    """``ApiKey`` as ``api_key``: Airflow's words have underscores, SageMaker's names have capitals."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).strip("_").replace("-", "_").lower()


def _redact() -> Callable[[Any], Any]:
    try:
        from airflow.sdk.log import redact  # type: ignore[attr-defined]
    except ImportError:  # Airflow 3.1 has it elsewhere
        from airflow.sdk.execution_time.secrets_masker import redact  # type: ignore[no-redef]
    return redact
