"""How a task ends when it does not succeed: one class for each thing that a person would do something different about.

Those derived from `AirflowFailException` spend no retries: the same input would fail the same way, or a person has
decided it.
"""

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
    "AckClusterError",
    "AckError",
    "AckExecutionFailed",
    "AckExecutionStopped",
    "AckInputError",
    "AckNotReconciled",
    "AckResourceGone",
    "AckResourceRefused",
    "AckStuckRecoverable",
    "AckTimeout",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
]


class AckInputError(AirflowFailException):
    """What the DAG author gave cannot work: definition, parameters, names, connection. Nothing was created."""


class AckExecutionStopped(AirflowFailException):
    """The job was stopped, by a person or a quota. A retry would start what somebody has just stopped."""


class AckResourceGone(AirflowFailException):
    """The resource was deleted while the task followed it: that is how a job is stopped."""


class AckError(AirflowException):
    """Base of what may go better on the next try."""


class AckExecutionFailed(AckError):
    """SageMaker says the job or resource failed."""


class AckResourceRefused(AckError):
    """The controller says ACK.Terminal: nothing was started and it never tries this resource again."""


class AckNotReconciled(AckError):
    """No controller has touched the resource within ``reconcile_timeout``."""


class AckStuckRecoverable(AckError):
    """The controller has tried in vain for ``recoverable_timeout``."""


class AckTimeout(AckError):
    """The whole run took longer than ``timeout``."""


class AckClusterError(AckError):
    """The cluster could not be asked: not reachable, not allowed, or the controller's kinds are not installed."""
