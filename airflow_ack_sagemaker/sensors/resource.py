"""`AckResourceSensor`: wait for the outcome of a resource that somebody else made."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperatorLink, BaseSensorOperator, PokeReturnValue

from airflow_ack_sagemaker.compat import default_deferrable
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, verdict_of
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID, AckHook
from airflow_ack_sagemaker.links import SageMakerResourceLink
from airflow_ack_sagemaker.templates import TextTemplates

if TYPE_CHECKING:
    from airflow.sdk import Context


class AckResourceSensor(TextTemplates, BaseSensorOperator):
    """Wait until a resource of any ACK SageMaker kind has its outcome: a success ends the wait, anything else fails it.

    A resource that is not there yet is waited for. Nothing is ever created, changed or deleted. The result (XCom
    ``return_value``) is ``{"kind", "name", "namespace", "arn", "status"}``, and what came of it
    (``modelArtifacts``, ...).

    ```python
    from airflow_ack_sagemaker.sensors.resource import AckResourceSensor

    AckResourceSensor(task_id="in_service", kind="Endpoint", name="demand", timeout=3600)
    ```

    :param kind: kind, for example ``Endpoint``.
    :param name: name of the Kubernetes resource.
    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the resource; None: the connection's.
    :param deferrable: wait on the triggerer, so that no worker slot is held; None: as ``[operators]
        default_deferrable`` says, where that is set, else True. ``timeout``, ``soft_fail`` and ``never_fail`` hold
        there, too: any end but a success then skips the task.
    :param poll_interval: seconds between looks, as the operators call it: the same as ``poke_interval``.

    Raises `AckExecutionFailed`, `AckExecutionStopped`, `AckResourceRefused`, `AckResourceGone`, and Airflow's
    ``AirflowSensorTimeout``.
    """

    template_fields: Sequence[str] = ("kubernetes_conn_id", "namespace", "kind", "name")
    operator_extra_links: Collection[BaseOperatorLink] = (SageMakerResourceLink(),)
    ui_color = "#f4f0ff"

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        kubernetes_conn_id: str = DEFAULT_CONN_ID,
        namespace: str | None = None,
        deferrable: bool | None = None,
        poll_interval: float | None = None,
        **kwargs: Any,
    ) -> None:
        if poll_interval is not None:
            kwargs["poke_interval"] = poll_interval
        super().__init__(**kwargs)
        self.kind = kind
        self.name = name
        self.kubernetes_conn_id = kubernetes_conn_id
        self.namespace = namespace
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Context) -> Any:
        """Look once; then poke on, or leave it to the triggerer."""
        return self._execute_deferrable(context) if self.deferrable else super().execute(context)

    def _execute_deferrable(self, context: Context) -> Any:
        found = self.poke(context)
        if isinstance(found, PokeReturnValue) and found.is_done:
            return found.xcom_value
        return self._defer()

    def _defer(self) -> NoReturn:
        from airflow_ack_sagemaker.operators.base import execution_ends
        from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger

        deadlines = Deadlines(
            finish_by=time.time() + self.timeout,
            execution_by=execution_ends(self.execution_timeout),
            deletion_seconds=None,  # what is being deleted may come again
        )
        self.defer(
            trigger=AckResourceTrigger(
                kind=self.kind,
                name=self.name,
                namespace=self.namespace,
                kubernetes_conn_id=self.kubernetes_conn_id,
                deadlines=deadlines.handed_over(time.time()).to_dict(),
                poll_interval=self.poke_interval,
                must_exist=False,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + 120),
        )

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """One look.

        :raises AckInputError: kind, name or connection make no sense.
        """
        from airflow_ack_sagemaker.core.resource.manifest import SpecError, check_resource_name
        from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError
        from airflow_ack_sagemaker.kube.errors import KubeError, NotFound

        try:
            kind, name = kind_of(self.kind), check_resource_name(self.name)
        except (SpecError, ValueError) as error:
            raise AckInputError(str(error)) from error
        with AckHook(self.kubernetes_conn_id).get_conn() as client:
            try:
                outcome = self.observed(client.get(kind, name, self.namespace or client.namespace))
            except NotFound:
                self.log.info("%s/%s is not there yet.", kind.singular, name)
                return False
            except KubeError as error:
                raise AckClusterError(str(error)) from error
        self.log.info("%s: %s", outcome.resource, outcome.sagemaker_status or outcome.state)
        if verdict_of(outcome, Deadlines(deletion_seconds=None), time.time(), goal=Goal.FINISHED) is None:
            return False
        return PokeReturnValue(is_done=True, xcom_value=self._finish(context, outcome, Verdict.REACHED))

    def observed(self, resource: Mapping[str, Any]) -> Outcome:
        """How the resource stands."""
        from airflow_ack_sagemaker.core.resource.freshness import observe

        return observe(resource)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone."""
        from airflow_ack_sagemaker.operators.base import read_event

        outcome, verdict, _ = read_event(event)
        return self._finish(context, outcome, verdict)

    def _finish(self, context: Context, outcome: Outcome, verdict: Verdict) -> dict[str, Any]:
        from airflow_ack_sagemaker.compat import AirflowException, AirflowSensorTimeout, AirflowSkipException
        from airflow_ack_sagemaker.core.run.endings import ending
        from airflow_ack_sagemaker.links import XCOM_ARN
        from airflow_ack_sagemaker.operators.base import raise_unless_succeeded

        if outcome.arn and self.do_xcom_push:
            context["ti"].xcom_push(key=XCOM_ARN, value=outcome.arn)
        try:
            if verdict is Verdict.TIMED_OUT:
                raise AirflowSensorTimeout(ending(outcome, verdict))
            raise_unless_succeeded(outcome, verdict)
        except AirflowException as error:
            # Here and not only in Airflow's own loop, which skips some classes of error and knows no deferral.
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        return {
            "kind": outcome.kind,
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **outcome.results,
        }
