"""What the operators that launch executions share: whose they are, whose definition they run, and what a kill means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.base import AckOperator, Seconds, seconds
from airflow_ack_sagemaker.operators.kill import Killed, ended_by_user, leave_unless_timed_out

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.identity import RunIdentity
    from airflow_ack_sagemaker.core.resource.status import Outcome
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.collect import History
    from airflow_ack_sagemaker.runs.definition import OwnDefinition

HISTORY_LIMIT = 10
"""Finished executions of a task's earlier runs that stay in the cluster, unless told otherwise."""

KEEP_REPORTED = timedelta(hours=1)
"""How long one stays in any case, beyond the time between two tries: Airflow notices a lost worker within minutes."""


class AckLaunchOperator(AckOperator):
    """Base of the operators that launch executions of a pipeline.

    ```python
    from datetime import timedelta

    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    AckPipelineExecutionOperator(
        task_id="retrain",
        pipeline_name="demand",
        timeout=timedelta(hours=6),
        on_timeout="stop",
        execution_history_limit=3,
    )
    ```

    :param pipeline_name: name (or ARN) of the pipeline in SageMaker. Its Pipeline resource, where this namespace has
        one, must be synced and says which parameters there are.
    :param pipeline_resource_name: name of the Pipeline resource; None: the pipeline's name in lower case.
    :param description: description in SageMaker.
    :param max_parallel_steps: limit of steps that run at once, instead of the pipeline's own.
    :param pipeline_version_id: version of the pipeline to run, whatever this DAG run has applied; None: the latest.
    :param region: AWS region; None: the controller's.
    :param on_timeout: what becomes of an execution whose ``timeout`` is over: ``leave`` (it runs on, a retry attaches
        to it) or ``stop``.
    :param aws_conn_id: connection to ask SageMaker about the steps of a failed execution, and whether it has the
        pipeline where the resource does not tell; None, or no permission: not asked.
    :param execution_history_limit: how many finished executions of this task's earlier runs stay in the cluster when it
        launches; each costs the controller an AWS call a minute, and SageMaker keeps the executions themselves.
        ``auto``: 10, and of a mapped task none; None: all.
    :param execution_ttl: age (seconds or timedelta) since its end after which such an execution goes; None: no limit.
        One that a task reported within the last hour (and ``retry_delay``) stays in any case.
    :raises ValueError: ``on_timeout`` is neither.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "pipeline_name",
        "pipeline_resource_name",
        "description",
        "pipeline_version_id",
        "region",
        "aws_conn_id",
        "execution_history_limit",
    )

    def __init__(
        self,
        *,
        pipeline_name: str,
        pipeline_resource_name: str | None = None,
        description: str | None = None,
        max_parallel_steps: int | None = None,
        pipeline_version_id: int | str | None = None,
        region: str | None = None,
        on_timeout: str = "leave",
        aws_conn_id: str | None = "aws_default",
        execution_history_limit: int | str | None = "auto",
        execution_ttl: Seconds = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_timeout not in ("leave", "stop"):
            raise ValueError(f"on_timeout {on_timeout!r} must be 'leave' or 'stop'.")
        self.pipeline_name = pipeline_name
        self.pipeline_resource_name = pipeline_resource_name
        self.description = description
        self.max_parallel_steps = max_parallel_steps
        self.pipeline_version_id = pipeline_version_id
        self.region = region
        self.on_timeout = on_timeout
        self.aws_conn_id = aws_conn_id
        self.execution_history_limit = execution_history_limit
        self.execution_ttl = execution_ttl

    def on_kill(self) -> None:
        """Leave what the task was doing; `stopped_by_user` asks whether it was a user."""
        leave_unless_timed_out()

    def own_definition(self, context: Context, namespace: str) -> OwnDefinition | None:
        """The definition that this DAG run has applied before this task; None: it has applied none, or the task asks
        for a version of the pipeline.

        :raises SpecError: it has applied several, and none of them is the last.
        """
        from airflow_ack_sagemaker.operators.applied import own_definition

        if self.version() is not None:
            return None
        return own_definition(self, self.pipeline_name, context, namespace, ran=self.ran_definition)

    def ran_definition(self, outcome: Outcome) -> str | None:
        """Digest of the definition that an execution has run, as SageMaker says; None: it may not be asked."""
        from airflow_ack_sagemaker.aws.definitions import ran_definition

        if self.aws_conn_id is None or outcome.arn is None:
            return None
        try:
            return ran_definition(outcome.arn, aws_conn_id=self.aws_conn_id, region=outcome.region)
        except Exception as error:  # whatever a connection or SageMaker says: the cluster's own record counts
            self.log.info("SageMaker cannot be asked which definition %s ran: %s", outcome.name, error)
            return None

    @contextmanager
    def stopped_by_user(self, context: Context, client: KubeClient, identity: RunIdentity) -> Iterator[None]:
        """Stop all that this run has launched when a user ends the task meanwhile; whatever else ends it stops
        nothing.
        """
        from airflow_ack_sagemaker.runs.stop import stop_run

        try:
            yield
        except Killed:
            if ended_by_user(context):
                stop_run(client, self.namespace or client.namespace, identity, log=self.log)
            raise

    def version(self) -> int | None:
        """The pipeline's version as SageMaker wants it. :raises SpecError: it is none."""
        from airflow_ack_sagemaker.core.resource.manifest import SpecError

        version = self.pipeline_version_id
        try:
            return None if version is None else int(version)
        except (TypeError, ValueError):
            raise SpecError(f"pipeline_version_id {version!r} must be an integer.") from None

    def history(self, identity: RunIdentity) -> History:
        """How much of this task's earlier runs stays. :raises AckInputError: the limit is no number."""
        from airflow_ack_sagemaker.runs.collect import History

        limit, ttl = self.execution_history_limit, seconds(self.execution_ttl)
        if limit == "auto":
            limit = HISTORY_LIMIT if identity.map_index < 0 else 0
        between_tries = max(seconds(self.retry_delay) or 0.0, seconds(self.max_retry_delay) or 0.0)
        return History(
            limit=history_limit(limit),
            ttl=None if ttl is None else timedelta(seconds=ttl),
            keep_reported=KEEP_REPORTED + timedelta(seconds=between_tries),
        )


def history_limit(limit: int | str | None) -> int | None:
    """The number; None for none.

    :raises AckInputError: it is no integer of at least 0.
    """
    from airflow_ack_sagemaker.exceptions import AckInputError

    if limit is None:
        return None
    try:
        number = int(limit)
    except ValueError:
        number = -1
    if number < 0:
        raise AckInputError(f"execution_history_limit {limit!r} must be an integer of at least 0.")
    return number
