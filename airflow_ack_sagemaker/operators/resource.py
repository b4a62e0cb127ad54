"""`AckResourceOperator`: any kind of the ACK SageMaker controller, one resource or a manifest of several."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import KINDS, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, verdict_of
from airflow_ack_sagemaker.links import SageMakerResourceLink
from airflow_ack_sagemaker.operators.base import raise_unless_succeeded
from airflow_ack_sagemaker.operators.delete_resource import AckDeleteResourceOperator
from airflow_ack_sagemaker.operators.kill import Killed, ended_by_user, leave_unless_timed_out
from airflow_ack_sagemaker.operators.manifests import ManifestOperator
from airflow_ack_sagemaker.operators.run import identity_of_task, run_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.documents import Document
    from airflow_ack_sagemaker.kube.client import KubeClient

__all__ = ["AckDeleteResourceOperator", "AckResourceOperator"]  # both have been imported from here from the beginning

_ROUNDS = 10
"""Waits of one try: each ends because the job was taken up in the moment of its withdrawal."""


class AckResourceOperator(ManifestOperator):
    """Apply resources of any ACK SageMaker kind and wait for their outcome: a model, an endpoint, a training job.

    A kept thing (an endpoint) is done when the controller has answered this very change and it is in service; a job
    when it has ended. What is already as the manifest says is not written. What a kind cannot do is refused before it
    is written: a model or an endpoint configuration is never edited, its new content needs a new name.

    A job runs once and cannot be changed: give each run a name of its own, for example with
    ``{{ ts_nodash | lower }}``, also in the ``spec``; or give none, and it follows from the run, as that of an
    execution does. A retry attaches to the job that an earlier try of the run has made, and takes its end; a job that
    another run has made is an error. Of a job without a name, a retry after a failure that was reported starts another.
    A user who marks or clears the task stops the job; a restart, a lost worker or a timeout never does.

    Of several resources each is applied once those that it needs are done (`core.resource.references`).

    The result (XCom ``return_value``) is ``{"kind", "name", "namespace", "arn", "status", "changed"}`` and what came of
    it (``modelArtifacts``, ``bestTrainingJob``, ``lastMonitoringExecutionSummary``, ...); with ``manifest`` a list of
    these, in the order in which they were applied.

    ```python
    from airflow_ack_sagemaker.operators.resource import AckResourceOperator

    AckResourceOperator(
        task_id="group",
        kind="ModelPackageGroup",
        name="demand",
        spec={"modelPackageGroupName": "demand"},
    )
    ```

    :param kind: kind, for example ``Endpoint``.
    :param name: name of the Kubernetes resource; None for a job: it follows from the run.
    :param spec: ``spec`` as the CRD describes it.
    :param labels: labels of the resource.
    :param annotations: annotations, for example ``services.k8s.aws/region``.
    :param manifest: instead of these, whole resources: a mapping, a list of mappings, YAML with one or several
        documents, a file beside the DAG (``endpoint.yaml``, rendered as a template), or ``s3://bucket/key``.
    :param aws_conn_id: connection for a manifest in S3.

    Raises as `AckPipelineOperator` does. A job that `AckNotReconciled` or `AckStuckRecoverable` gives up is withdrawn,
    or it could start hours later with nobody following it. See `AckOperator` for the waits.
    """

    template_fields: Sequence[str] = (*ManifestOperator.template_fields, "spec", "labels", "annotations")
    template_fields_renderers = {"spec": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerResourceLink(),)
    ui_color = "#f4f0ff"

    def __init__(
        self,
        *,
        kind: str | None = None,
        name: str | None = None,
        spec: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kind=kind, name=name, **kwargs)
        self.spec = spec
        self.labels = labels
        self.annotations = annotations

    def one(self) -> Document:
        """The resource that the parameters ask for."""
        from airflow_ack_sagemaker.core.resource.documents import document

        return document(self.kind, self.name, self.spec, labels=self.labels, annotations=self.annotations)

    def execute(self, context: Context) -> Any:
        """Apply and wait, one resource after the other."""
        with self.cluster() as client:
            documents = self.documents(context)
            with self._stopped_by_user(context, client, documents):
                return self._apply_all(context, client, documents, [])

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Go on after a deferral: the rest of one resource from the event alone, then those that come after it."""
        outcome, verdict, echo = self.resumed(event)
        self.log_outcome(outcome)
        with self.cluster() as client:
            documents = self.documents(context)
            with self._stopped_by_user(context, client, documents):
                if echo.pop("of", None) != _digest(documents):
                    # Somebody has changed the manifest meanwhile: what is already as it says is not written again.
                    return self._apply_all(context, client, documents, [])
                done = echo.pop("done", [])
                done.append(self._to_the_end(context, client, outcome, echo, documents, done, verdict))
                return self._apply_all(context, client, documents, done)

    def _apply_all(
        self, context: Context, client: KubeClient, documents: Sequence[Document], done: list[dict[str, Any]]
    ) -> Any:
        for document in documents[len(done) :]:
            outcome, changed = self._apply(context, client, document)
            done.append(self._to_the_end(context, client, outcome, {"changed": changed}, documents, done))
        return done[0] if self.manifest is None else done

    def _apply(self, context: Context, client: KubeClient, document: Document) -> tuple[Outcome, bool]:
        from airflow_ack_sagemaker.core.resource.manifest import resource_manifest
        from airflow_ack_sagemaker.runs.apply import apply_resource
        from airflow_ack_sagemaker.runs.job import named_by_run, next_attempt

        kind, name, spec = document.kind, document.name, document.spec
        namespace = document.namespace or self.namespace or client.namespace
        # A job is one run's; anything else is kept and shared.
        run = run_of(context, namespace) if kind.is_job else None
        attempt = None
        if name is None and run is not None:
            attempt = next_attempt(client, kind, run, log=self.log)
            name, spec = named_by_run(kind, spec, run, attempt)
        manifest = resource_manifest(
            kind.kind,
            str(name),
            namespace,
            spec,
            labels=document.labels or {},
            annotations=document.annotations or {},
            identity=run.identity if run else None,
            tried=run.tried if run else None,
            attempt=attempt,
        )
        applied = apply_resource(client, kind, manifest, log=self.log, run=run)
        if applied.outcome.finished or not kind.only_at_creation & spec.keys():
            return applied.outcome, applied.changed
        # Once it is made, what belongs to the creation goes: its status would not change as long as that stands there.
        outcome, verdict = self.follow(
            client,
            kind,
            applied.outcome.name,
            namespace=namespace,
            uid=applied.outcome.uid,
            deadlines=self.deadlines(),
            goal=Goal.STARTED,
        )
        if verdict is not Verdict.REACHED or outcome.arn is None:
            return outcome, applied.changed
        return apply_resource(client, kind, manifest, log=self.log).outcome, applied.changed

    def on_kill(self) -> None:
        """As a launch does: leave what the task was doing; `_stopped_by_user` asks whether a user has ended it."""
        kind = KINDS.get(self.kind or "")
        if self.manifest is not None or (kind is not None and kind.is_job):
            leave_unless_timed_out()

    @contextmanager
    def _stopped_by_user(self, context: Context, client: KubeClient, documents: Sequence[Document]) -> Iterator[None]:
        """Stop the jobs that this run has made when a user ends the task meanwhile."""
        from airflow_ack_sagemaker.kube.errors import KubeError
        from airflow_ack_sagemaker.runs.stop import stop_run

        try:
            yield
        except Killed:
            if ended_by_user(context):
                places = {(each.kind, each.namespace or self.namespace) for each in documents if each.kind.is_job}
                for kind, namespace in places:
                    try:
                        identity = identity_of_task(context)
                        stop_run(client, namespace or client.namespace, identity, kind=kind, log=self.log)
                    except KubeError as error:
                        self.log.warning("%s of this task could not be stopped and run on: %s", kind.plural, error)
            raise

    def _to_the_end(
        self,
        context: Context,
        client: KubeClient,
        outcome: Outcome,
        echo: Mapping[str, Any],
        documents: Sequence[Document],
        done: list[dict[str, Any]],
        verdict: Verdict | None = None,
    ) -> dict[str, Any]:
        """Wait, do what the verdict asks for, and wait on where that is to do."""
        from airflow_ack_sagemaker.exceptions import AckClusterError
        from airflow_ack_sagemaker.runs.end import end, record

        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        is_job = kind_of(outcome.kind).is_job
        details = ""
        for _ in range(_ROUNDS):
            if verdict is None:
                more = {"done": done, "of": _digest(documents)}
                outcome, verdict = self._wait(context, client, outcome, {**echo, **more}, goal)
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
        if is_job and documents[len(done)].name is None:
            record(client, outcome, try_number=context["ti"].try_number, log=self.log)
        raise_unless_succeeded(outcome, verdict, details=details, goal=goal)
        return {
            "kind": outcome.kind,
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **outcome.results,
            **echo,
        }

    def _wait(
        self, context: Context, client: KubeClient, outcome: Outcome, echo: Mapping[str, Any], goal: Goal
    ) -> tuple[Outcome, Verdict]:
        from airflow_ack_sagemaker.runs.apply import wait_shortly

        kind = kind_of(outcome.kind)
        # A job of an earlier try has had a part of its time; what is kept is asked for anew by each try.
        earlier = kind.is_job and (not echo["changed"] or self._left is not None)
        age = self.age_of(client, outcome, run_of(context, outcome.namespace)) if earlier else None
        deadlines = self.deadlines(age=age)
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
            self.defer_until(client, outcome, deadlines=deadlines, stop_on_kill=kind.is_job, ours=True, echo=echo)
        return self.follow(
            client, kind, outcome.name, namespace=outcome.namespace, uid=outcome.uid, deadlines=deadlines, goal=goal
        )


def _digest(documents: Sequence[Document]) -> str:
    """What tells one state of a manifest from another."""
    said = [(each.kind.kind, each.namespace, each.name, each.spec, each.annotations) for each in documents]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=dict).encode()).hexdigest()[:16]
