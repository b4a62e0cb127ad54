"""`AckDeleteResourceOperator`: delete resources of any kind of the ACK SageMaker controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict
from airflow_ack_sagemaker.operators.manifests import ManifestOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.documents import Document
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient


_ROUNDS = 5
"""Looks at a name: another one has it each time that the former one was to be deleted."""


class AckDeleteResourceOperator(ManifestOperator):
    """Delete resources of any ACK SageMaker kind and wait until they are gone. One that is not there is no error;
    one that others make anew in that very moment is deleted, too.

    What becomes of the thing in AWS is the resource's deletion policy: a pipeline that `AckPipelineOperator` made
    stays, a job that runs is stopped. What others in the namespace still refer to is not deleted: SageMaker would
    refuse it for good (a group that has versions), or leave them broken (the configuration of an endpoint).

    The result (XCom ``return_value``) is ``{"kind", "name", "namespace", "deleted"}``; with ``manifest`` a list of
    these.

    ```python
    from airflow_ack_sagemaker.operators.delete_resource import AckDeleteResourceOperator

    AckDeleteResourceOperator(task_id="delete", kind="Pipeline", name="demand-old", deletion_policy="delete")
    ```

    :param kind: kind, for example ``Pipeline``.
    :param name: name of the Kubernetes resource.
    :param manifest: instead of these, whole resources as for `AckResourceOperator`: they are deleted in the reverse of
        the order in which they are applied.
    :param aws_conn_id: connection for a manifest in S3.
    :param deletion_policy: ``retain`` or ``delete``: set on the resource before it is deleted; None: what it has.

    Raises `AckResourceRefused` as soon as the controller gives a deletion up (it names what is in the way), and
    `AckTimeout`.
    """

    template_fields: Sequence[str] = (*ManifestOperator.template_fields, "deletion_policy")
    ui_color = "#fff1f0"

    def __init__(
        self,
        *,
        kind: str | None = None,
        name: str | None = None,
        deletion_policy: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kind=kind, name=name, **kwargs)
        self.deletion_policy = deletion_policy

    def one(self) -> Document:
        """The resource that the parameters name."""
        from airflow_ack_sagemaker.core.resource.documents import document
        from airflow_ack_sagemaker.core.resource.manifest import check_resource_name

        return document(self.kind, check_resource_name(self.name or ""), {})

    def execute(self, context: Context) -> Any:
        """Delete and wait, one resource after the other."""
        from airflow_ack_sagemaker.exceptions import AckInputError

        if self.deletion_policy not in (None, "retain", "delete"):
            raise AckInputError(f"deletion_policy {self.deletion_policy!r} must be 'retain' or 'delete'.")
        return self._delete_all(context, [])

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Go on after a deferral."""
        outcome, verdict, echo = self.resumed(event)
        raise_unless_gone(outcome, verdict)
        return self._delete_all(context, [*echo.get("done", []), _result(outcome, deleted=True)])

    def _delete_all(self, context: Context, done: list[dict[str, Any]]) -> Any:
        if self.manifest is None and done:
            return done[0]
        with self.cluster() as client:
            for document in reversed(self.documents(context)):
                namespace = document.namespace or self.namespace or client.namespace
                if document.name is None:
                    self.log.info("A %s without a name is its run's: it is left alone.", document.kind)
                elif not any(_is(each, document, namespace) for each in done):
                    done.append(self._delete(client, document, namespace, done))
        return done[0] if self.manifest is None else done

    def _delete(
        self, client: KubeClient, document: Document, namespace: str, done: list[dict[str, Any]]
    ) -> dict[str, Any]:
        from airflow_ack_sagemaker.runs.apply import SHORT_WAIT, wait_shortly

        kind, name = document.kind, str(document.name)
        nothing = {"kind": kind.kind, "name": name, "namespace": namespace, "deleted": False}
        outcome = self._asked_to_go(client, kind, name, namespace)
        if outcome is None:
            self.log.info("%s/%s is not in namespace %s: nothing to delete.", kind.singular, name, namespace)
            return nothing
        self.log.info("Deleted %s.", outcome.resource)
        if not self.wait_for_completion:
            return _result(outcome, deleted=True)
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
                seconds=SHORT_WAIT,
            )
            if verdict is None:
                self.defer_until(client, outcome, deadlines=deadlines, goal=Goal.GONE, echo={"done": done})
        if verdict is None:
            outcome, verdict = self.follow(
                client, kind, name, namespace=namespace, uid=outcome.uid, deadlines=deadlines, goal=Goal.GONE
            )
        raise_unless_gone(outcome, verdict)
        return _result(outcome, deleted=True)

    def _asked_to_go(self, client: KubeClient, kind: Kind, name: str, namespace: str) -> Outcome | None:
        """What has this name, once its deletion was asked for; None: nothing has it.

        :raises KubeError: others make it anew again and again; the cluster refuses it or cannot be asked.
        """
        from airflow_ack_sagemaker.core.resource import fields
        from airflow_ack_sagemaker.core.resource.manifest import ANNOTATION_DELETION_POLICY, SpecError
        from airflow_ack_sagemaker.core.resource.status import classify
        from airflow_ack_sagemaker.kube.deletion import delete_if_same
        from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
        from airflow_ack_sagemaker.runs.dependents import dependents

        for _ in range(_ROUNDS):
            try:
                live = client.get(kind, name, namespace)
                outcome = classify(live)
                policy = self.deletion_policy or fields.annotation(live, ANNOTATION_DELETION_POLICY)
                if policy != "retain" and outcome.deleted is None and (by := dependents(client, live, log=self.log)):
                    raise SpecError(
                        f"{outcome.resource} is not deleted: {by} refer to it. Delete those first; a manifest of all "
                        "is deleted in the right order. With deletion_policy='retain' the resource goes and SageMaker "
                        "keeps what it stands for."
                    )
                if self.deletion_policy is not None:
                    annotations = {ANNOTATION_DELETION_POLICY: self.deletion_policy}
                    client.patch(kind, name, {"metadata": {"annotations": annotations}}, namespace)
                if delete_if_same(client, kind, name, namespace, uid=outcome.uid):
                    return outcome
            except NotFound:
                return None
            self.log.info("%s is another one by now, or gone: looking again.", outcome.resource)
        raise KubeError(
            f"{kind.singular}/{name} (namespace {namespace}) was made anew each of the {_ROUNDS} times that it was "
            "about to be deleted, and is there: find out who makes it (kubectl get --show-managed-fields)."
        )


def _is(done: dict[str, Any], document: Document, namespace: str) -> bool:
    return (done["kind"], done["name"], done["namespace"]) == (document.kind.kind, document.name, namespace)


def _result(outcome: Outcome, *, deleted: bool) -> dict[str, Any]:
    return {"kind": outcome.kind, "name": outcome.name, "namespace": outcome.namespace, "deleted": deleted}


def raise_unless_gone(outcome: Outcome, verdict: Verdict) -> None:
    """Return when the resource is gone, else raise `AckResourceRefused` or `AckTimeout`."""
    from airflow_ack_sagemaker.core.run.endings import ending
    from airflow_ack_sagemaker.exceptions import AckResourceRefused, AckTimeout

    if verdict is Verdict.REACHED and outcome.gone:
        return
    raise (AckResourceRefused if verdict is Verdict.REACHED else AckTimeout)(ending(outcome, verdict))
