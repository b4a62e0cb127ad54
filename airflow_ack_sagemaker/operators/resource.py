"""`AckResourceOperator` and `AckDeleteResourceOperator`: any kind of the ACK SageMaker controller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import KINDS, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, verdict_of
from airflow_ack_sagemaker.links import SageMakerResourceLink
from airflow_ack_sagemaker.operators.base import AckOperator, raise_unless_succeeded, read_event
from airflow_ack_sagemaker.operators.kill import Killed, ended_by_user, leave_unless_timed_out
from airflow_ack_sagemaker.operators.run import identity_of_task, run_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.kube.client import KubeClient

_ROUNDS = 10
"""Waits of one try: each ends because the job was taken up in the moment of its withdrawal."""


class AckResourceOperator(AckOperator):
    """Apply a resource of any ACK SageMaker kind and wait for its outcome: a model, an endpoint, a training job.

    A kept thing (an endpoint) is done when the controller has answered this very change and it is in service; a job
    when it has ended. What is already as the manifest says is not written.

    A job runs once and cannot be changed: give each run a name of its own, for example with
    ``{{ ts_nodash | lower }}``, also in the ``spec``. A retry attaches to the job that an earlier try of the run has
    made, and takes its end; a job that another run has made is an error. A user who marks or clears the task stops the
    job; a restart, a lost worker or a timeout never does.

    The result (XCom ``return_value``) is ``{"kind", "name", "namespace", "arn", "status", "changed"}``.

    :param kind: kind, for example ``Endpoint``.
    :param name: name of the Kubernetes resource.
    :param spec: ``spec`` as the CRD describes it.
    :param labels: labels of the resource.
    :param annotations: annotations, for example ``services.k8s.aws/region``.

    Raises as `AckPipelineOperator` does. A job that `AckNotReconciled` or `AckStuckRecoverable` gives up is withdrawn,
    so that it does not start hours later, unheard. See `AckOperator` for the waits.
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
            # A job is one run's; anything else is kept and shared.
            known = KINDS.get(self.kind)
            run = run_of(context, namespace) if known is not None and known.is_job else None
            manifest = resource_manifest(
                self.kind,
                self.name,
                namespace,
                self.spec,
                labels=check_mapping("labels", self.labels),
                annotations=check_mapping("annotations", self.annotations),
                identity=run.identity if run else None,
                tried=run.tried if run else None,
            )
            kind = kind_of(self.kind)
            with self._stopped_by_user(context, client):
                applied = apply_resource(client, kind, manifest, log=self.log, run=run)
                return self._to_the_end(context, client, applied.outcome, {"changed": applied.changed})

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone."""
        outcome, verdict, echo = read_event(event)
        self.log_outcome(outcome)
        with self.cluster() as client, self._stopped_by_user(context, client):
            return self._to_the_end(context, client, outcome, echo, verdict)

    def on_kill(self) -> None:
        """As a launch does: leave what the task was doing; `_stopped_by_user` asks whether a user has ended it."""
        kind = KINDS.get(self.kind)
        if kind is not None and kind.is_job:
            leave_unless_timed_out()

    @contextmanager
    def _stopped_by_user(self, context: Context, client: KubeClient) -> Iterator[None]:
        """Stop the job that this run has made when a user ends the task meanwhile."""
        from airflow_ack_sagemaker.runs.job import stop_job

        try:
            yield
        except Killed:
            if ended_by_user(context):
                namespace = self.namespace or client.namespace
                stop_job(client, kind_of(self.kind), self.name, namespace, identity_of_task(context), log=self.log)
            raise

    def _to_the_end(
        self,
        context: Context,
        client: KubeClient,
        outcome: Outcome,
        echo: Mapping[str, Any],
        verdict: Verdict | None = None,
    ) -> dict[str, Any]:
        """Wait, do what the verdict asks for, and wait on where that is to do."""
        from airflow_ack_sagemaker.exceptions import AckClusterError
        from airflow_ack_sagemaker.runs.end import end

        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        is_job = kind_of(outcome.kind).is_job
        details = ""
        for _ in range(_ROUNDS):
            if verdict is None:
                outcome, verdict = self._wait(client, outcome, echo, goal)
            # A kept thing stays as it is: others use it, and a retry applies it once more.
            if not is_job:
                break
            ended = end(client, outcome, verdict, log=self.log)
            outcome, verdict, details = ended.outcome, ended.verdict, ended.details
            if verdict is not None:
                break
        if verdict is None:
            raise AckClusterError(
                f"{outcome.resource} was given up and taken up again {_ROUNDS} times: a retry attaches to it."
            )
        self.push_link(context, outcome.arn)
        raise_unless_succeeded(outcome, verdict, details=details, goal=goal)
        return {
            "kind": outcome.kind,
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **echo,
        }

    def _wait(
        self, client: KubeClient, outcome: Outcome, echo: Mapping[str, Any], goal: Goal
    ) -> tuple[Outcome, Verdict]:
        from airflow_ack_sagemaker.runs.apply import wait_shortly

        kind, deadlines = kind_of(outcome.kind), self.deadlines()
        verdict = verdict_of(outcome, deadlines, time.time(), goal=goal)
        if verdict is not None:
            return outcome, verdict
        if self.deferrable and goal is Goal.FINISHED:
            outcome, verdict = wait_shortly(
                client,
                kind,
                outcome,
                deadlines=deadlines,
                goal=goal,
                poll_interval=self.poll_interval,
                on_change=self.log_outcome,
            )
            if verdict is not None:
                return outcome, verdict
            self.defer_until(outcome, deadlines=deadlines, stop_on_kill=kind.is_job, ours=True, echo=echo)
        return self.follow(
            client, kind, outcome.name, namespace=outcome.namespace, uid=outcome.uid, deadlines=deadlines, goal=goal
        )


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
        from airflow_ack_sagemaker.kube.deletion import delete_if_same
        from airflow_ack_sagemaker.kube.errors import NotFound
        from airflow_ack_sagemaker.runs.apply import wait_shortly

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
                deleted = delete_if_same(client, kind, name, namespace, uid=outcome.uid)
            except NotFound:
                deleted = False
            if not deleted:
                self.log.info("%s/%s is not in namespace %s: nothing to delete.", kind.singular, name, namespace)
                return self._result(name, namespace, deleted=False)
            self.log.info("Deleted %s.", outcome.resource)
            if not self.wait_for_completion:
                return self._result(name, namespace, deleted=True)
            deadlines = self.deadlines()
            verdict: Verdict | None = None
            if self.deferrable:
                outcome, verdict = wait_shortly(
                    client,
                    kind,
                    outcome,
                    deadlines=deadlines,
                    goal=Goal.GONE,
                    poll_interval=self.poll_interval,
                    on_change=self.log_outcome,
                )
                if verdict is None:
                    self.defer_until(outcome, deadlines=deadlines, goal=Goal.GONE)
            if verdict is None:
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
    from airflow_ack_sagemaker.core.run.endings import ending
    from airflow_ack_sagemaker.exceptions import AckTimeout

    if verdict is not Verdict.REACHED:
        raise AckTimeout(ending(outcome, verdict))
