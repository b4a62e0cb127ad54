"""`AckResourceOperator` and `AckDeleteResourceOperator`: any kind of the ACK SageMaker controller."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, verdict_of
from airflow_ack_sagemaker.links import SageMakerResourceLink
from airflow_ack_sagemaker.operators.base import AckOperator, raise_unless_succeeded, read_event

if TYPE_CHECKING:
    from airflow.sdk import Context


class AckResourceOperator(AckOperator):
    """Apply a resource of any ACK SageMaker kind and wait for its outcome: a model, an endpoint, a training job.

    A kept thing (an endpoint) is done when the controller has answered this very change and it is in service; a job
    when it has ended. What is already as the manifest says is not written. A job cannot be changed: give each run a
    name of its own, for example with ``{{ ds_nodash }}``.

    The result (XCom ``return_value``) is ``{"kind", "name", "namespace", "arn", "status", "changed"}``.

    :param kind: kind, for example ``Endpoint``.
    :param name: name of the Kubernetes resource.
    :param spec: ``spec`` as the CRD describes it.
    :param labels: labels of the resource.
    :param annotations: annotations, for example ``services.k8s.aws/region``.

    Raises as `AckPipelineOperator` does. See `AckOperator` for the waits.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "kind", "name", "spec", "labels", "annotations")
    template_fields_renderers = {"spec": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerResourceLink(),)
    ui_color = "#f4f0ff"

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        spec: Mapping[str, Any],
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.name = name
        self.spec = spec
        self.labels = labels
        self.annotations = annotations

    def execute(self, context: Context) -> dict[str, Any]:
        """Apply and wait."""
        from airflow_ack_sagemaker.core.resource.manifest import check_mapping, resource_manifest
        from airflow_ack_sagemaker.runs.apply import apply_resource

        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            manifest = resource_manifest(
                self.kind,
                self.name,
                namespace,
                self.spec,
                labels=check_mapping("labels", self.labels),
                annotations=check_mapping("annotations", self.annotations),
            )
            kind = kind_of(self.kind)
            applied = apply_resource(client, kind, manifest, log=self.log)
            outcome, deadlines = applied.outcome, self.deadlines()
            echo = {"changed": applied.changed}
            goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
            verdict = verdict_of(outcome, deadlines, time.time(), goal=goal)
            if verdict is None and self.deferrable and goal is Goal.FINISHED:
                self.defer_until(outcome, deadlines=deadlines, ours=True, echo=echo)
            if verdict is None:
                outcome, verdict = self.follow(
                    client, kind, outcome.name, namespace=namespace, uid=outcome.uid, deadlines=deadlines, goal=goal
                )
        return self._finish(context, outcome, verdict, echo, goal)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone."""
        outcome, verdict, echo = read_event(event)
        self.log_outcome(outcome)
        return self._finish(context, outcome, verdict, echo, Goal.FINISHED)

    def _finish(
        self, context: Context, outcome: Outcome, verdict: Verdict, echo: Mapping[str, Any], goal: Goal
    ) -> dict[str, Any]:
        self.push_link(context, outcome.arn)
        raise_unless_succeeded(outcome, verdict, goal=goal)
        return {
            "kind": outcome.kind,
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **echo,
        }


class AckDeleteResourceOperator(AckOperator):
    """Delete a resource of any ACK SageMaker kind and wait until it is gone. One that is not there is no error.

    What becomes of the thing in AWS is the resource's deletion policy: a pipeline that `AckPipelineOperator` made
    stays, a job that runs is stopped.

    The result (XCom ``return_value``) is ``{"kind", "name", "namespace", "deleted"}``.

    :param kind: kind, for example ``Pipeline``.
    :param name: name of the Kubernetes resource.
    :param deletion_policy: ``retain`` or ``delete``: set on the resource before it is deleted; None: what it has.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "kind", "name", "deletion_policy")
    ui_color = "#fff1f0"

    def __init__(self, *, kind: str, name: str, deletion_policy: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.name = name
        self.deletion_policy = deletion_policy

    def execute(self, context: Context) -> dict[str, Any]:
        """Delete and wait."""
        from airflow_ack_sagemaker.core.resource.manifest import ANNOTATION_DELETION_POLICY, check_resource_name
        from airflow_ack_sagemaker.core.resource.status import classify
        from airflow_ack_sagemaker.exceptions import AckInputError
        from airflow_ack_sagemaker.kube.errors import NotFound

        if self.deletion_policy not in (None, "retain", "delete"):
            raise AckInputError(f"deletion_policy {self.deletion_policy!r} must be 'retain' or 'delete'.")
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            try:
                kind = kind_of(self.kind)
            except ValueError as error:
                raise AckInputError(str(error)) from error
            name = check_resource_name(self.name)
            try:
                outcome = classify(client.get(kind, name, namespace))
                if self.deletion_policy is not None:
                    annotations = {ANNOTATION_DELETION_POLICY: self.deletion_policy}
                    client.patch(kind, name, {"metadata": {"annotations": annotations}}, namespace)
                client.delete(kind, name, namespace, uid=outcome.uid)
            except NotFound:
                self.log.info("%s/%s is not in namespace %s: nothing to delete.", kind.singular, name, namespace)
                return self._result(name, namespace, deleted=False)
            self.log.info("Deleted %s.", outcome.resource)
            if not self.wait_for_completion:
                return self._result(name, namespace, deleted=True)
            deadlines = self.deadlines()
            if self.deferrable:
                if not _is_gone(client, outcome):
                    self.defer_until(outcome, deadlines=deadlines, goal=Goal.GONE)
            else:
                outcome, verdict = self.follow(
                    client, kind, name, namespace=namespace, uid=outcome.uid, deadlines=deadlines, goal=Goal.GONE
                )
                raise_unless_gone(outcome, verdict)
        return self._result(name, namespace, deleted=True)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral."""
        outcome, verdict, _ = read_event(event)
        raise_unless_gone(outcome, verdict)
        return self._result(outcome.name, outcome.namespace, deleted=True)

    def _result(self, name: str, namespace: str, *, deleted: bool) -> dict[str, Any]:
        return {"kind": self.kind, "name": name, "namespace": namespace, "deleted": deleted}


def raise_unless_gone(outcome: Outcome, verdict: Verdict) -> None:
    """Return when the resource is gone, else raise `AckTimeout`."""
    from airflow_ack_sagemaker.exceptions import AckTimeout

    if verdict is not Verdict.REACHED:
        raise AckTimeout(
            f"{outcome.resource} was deleted but is still there ({outcome.state}: "
            f"{outcome.reason or 'no reason given'}).\n"
            "To do: its finalizer waits for the ACK controller; see whether that runs and may delete the thing in AWS."
        )


def _is_gone(client: Any, outcome: Outcome) -> bool:
    from airflow_ack_sagemaker.kube.errors import NotFound

    try:
        live = client.get(kind_of(outcome.kind), outcome.name, outcome.namespace)
    except NotFound:
        return True
    return bool(live["metadata"]["uid"] != outcome.uid)
