"""How a task ends when it does not succeed: one class for each thing that a person would do something different about.

All derive from `AckError`, as does every other exception of this package. Those that are an ``AirflowFailException``
spend no retries: the same input would fail the same way, or a person has decided it.
"""

from __future__ import annotations

from airflow_ack_sagemaker.compat import AirflowException, AirflowFailException
from airflow_ack_sagemaker.core.errors import AckError

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
]


class AckInputError(AckError, AirflowFailException):
    """What the DAG author gave cannot work: definition, parameters, names, connection. Nothing was created.

    ```text
    Connection 'prod' (kubernetes_conn_id) does not exist: create it with the type 'kubernetes', or correct the name.
    ```
    """


class AckExecutionStopped(AckError, AirflowFailException):
    """The job was stopped, by a person or a quota. A retry would start what somebody has just stopped.

    ```text
    pipelineexecution/demand-0a1b2c3d4e5f-1: was stopped (Stopped).
    ```
    """


class AckResourceGone(AckError, AirflowFailException):
    """The resource was deleted while the task followed it: that is how a job is stopped.

    ```text
    pipelineexecution/demand-0a1b2c3d4e5f-1: is gone.
    ```
    """


class AckExecutionFailed(AckError, AirflowException):
    """SageMaker says the job or resource failed.

    ```text
    pipelineexecution/demand-0a1b2c3d4e5f-1: failed (Failed).
    ```
    """


class AckResourceRefused(AckError, AirflowException):
    """The controller says ACK.Terminal: nothing was started and it never tries this resource again.

    ```text
    pipeline/demand: refused for good by the ACK controller (ACK.Terminal); nothing was started.
    ```
    """


class AckNotReconciled(AckError, AirflowException):
    """No controller has touched the resource within ``reconcile_timeout``.

    ```text
    pipelineexecution/demand-0a1b2c3d4e5f-1: nobody reconciles this resource; reconcile_timeout is over.
    ```
    """


class AckStuckRecoverable(AckError, AirflowException):
    """The controller has tried in vain for ``recoverable_timeout``.

    ```text
    pipeline/demand: the ACK controller has tried in vain; recoverable_timeout is over.
    ```
    """


class AckTimeout(AckError, AirflowException):
    """The whole run took longer than ``timeout``.

    ```text
    pipelineexecution/demand-0a1b2c3d4e5f-1: timed out; it is Executing and its timeout is over.
    ```
    """


class AckClusterError(AckError, AirflowException):
    """The cluster could not be asked: not reachable, not allowed, or the controller's kinds are not installed.

    ```text
    The task was resumed without a trigger event.
    ```
    """
