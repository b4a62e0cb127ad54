"""The requests of the model registry: register a version once, adopt one, read one, approve or reject it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.lifecycle.registry import (
    ANNOTATION_EXECUTION,
    ModelVersion,
    adoption_manifest,
    approval_patch,
    is_adopted,
    newest_approved,
    version_manifest,
    version_of,
)
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_METRICS
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import answered, change_note, pause_before_change
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_IDENTITY,
    ANNOTATION_INSTANCE,
    LABEL_ATTEMPT,
    LABEL_RUN,
    RunIdentity,
)
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Relation, relation_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import Run

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

PACKAGE = kind_of("ModelPackage")
_ROUNDS = 20
_PATIENT_ROUNDS = 3


class RegistryError(KubeError):
    """A version was not registered, adopted or approved. The message says why."""


class RegistryGone(RegistryError):
    """Its resource was deleted meanwhile."""


def newest_approved_in(client: KubeClient, group: str, namespace: str) -> ModelVersion | None:
    """The version of a group to serve, of those that the namespace has resources of; None: none is approved.

    :raises KubeError: the cluster cannot be asked.
    """
    return newest_approved(client.list(PACKAGE, namespace).items, group)


def register(
    client: KubeClient,
    group: str,
    spec: Mapping[str, Any],
    run: Run,
    *,
    metrics: Mapping[str, float] | None,
    execution: str | None = None,
    region: str | None,
    deadlines: Deadlines,
    log: Log,
) -> ModelVersion:
    """A new version, once for this run: a try after a lost worker takes what the one before has made.

    :raises SpecError: what is given cannot be registered.
    :raises RegistryError: SageMaker or the controller refuses it, or it takes too long.
    """
    found = client.list(PACKAGE, run.namespace, label_selector=f"{LABEL_RUN}={run.identity.digest}").items
    own = {_attempt(item): item for item in found if run.identity.owns(item)}
    attempt = max(own, default=max(run.first_attempt, 1))
    last = own.get(attempt)
    if last is not None and (_has_failed(last) or relation_of(last, run.tried) is not Relation.SAME_RUN):
        attempt, last = attempt + 1, None
    manifest = version_manifest(
        group,
        spec,
        run.namespace,
        run.identity,
        attempt=attempt,
        tried=run.tried,
        metrics=metrics,
        execution=execution,
        region=region,
    )
    name = manifest["metadata"]["name"]
    if last is None:
        # Never applied twice: that would take back an approval.
        log.info("Registering a version of %s (modelpackage/%s).", group, name)
        client.apply(PACKAGE, manifest)
    else:
        log.info("modelpackage/%s was made by an earlier try of this run.", name)
    arn = fields.arn(_until(client, name, run.namespace, deadlines, lambda item: version_of(item) is not None)) or ""
    return _described(client, name, arn, run.namespace, deadlines, log=log)


def adopt(
    client: KubeClient,
    arn: str,
    namespace: str,
    *,
    identity: RunIdentity | None = None,
    metrics: Mapping[str, float] | None = None,
    execution: str | None = None,
    region: str | None = None,
    read_only: bool = False,
    deadlines: Deadlines,
    log: Log,
) -> ModelVersion:
    """A resource for a version that SageMaker has; it never deletes the version. One that is there stays as it is, but
    what is not written on it yet (who has adopted it, metrics, the execution) is written down.

    :raises SpecError: it is not the ARN of a version.
    :raises RegistryError: the controller cannot adopt it, or a former resource of it does not go.
    """
    manifest = adoption_manifest(
        arn, namespace, read_only=read_only, identity=identity, metrics=metrics, execution=execution, region=region
    )
    name = manifest["metadata"]["name"]
    live = _standing(client, name, namespace, deadlines, log=log)
    if live is None:
        log.info("Adopting %s as modelpackage/%s.", arn, name)
        client.apply(PACKAGE, manifest)
    else:
        wanted = {key: fields.annotation(manifest, key) for key in _notes_for(live)}
        if noted := {key: value for key, value in wanted.items() if value is not None}:
            try:
                client.patch(PACKAGE, name, {"metadata": {"annotations": noted}}, namespace)
            except NotFound as error:
                raise RegistryGone(f"modelpackage/{name} was deleted while it was adopted.") from error
    # One that is being deleted still has its adoption written on it, until its finalizers are gone.
    version = _live(_until(client, name, namespace, deadlines, is_adopted), "adopted")
    if version is None or version.arn != arn:
        raise RegistryError(
            f"modelpackage/{name} is not of {arn}: delete the resource (the version stays), then retry."
        )
    return version


def decide_on(
    client: KubeClient,
    name: str,
    namespace: str,
    *,
    approved: bool,
    description: str,
    deadlines: Deadlines,
    log: Log,
    sleep: Callable[[float], None] = time.sleep,
) -> ModelVersion:
    """Approve or reject a version, and wait until the controller has answered.

    :raises RegistryError: it is refused, or takes too long.
    """
    patch = approval_patch(approved=approved, description=description)
    for number in range(_ROUNDS):
        live = client.get(PACKAGE, name, namespace)
        word = patch["spec"]["modelApprovalStatus"]
        if fields.text(fields.spec(live), "modelApprovalStatus") == word and answered(live):
            log.info("modelpackage/%s is %s already.", name, word)
            break
        if number < _PATIENT_ROUNDS:  # a controller that writes again and again leaves no pause, and answers anyway
            sleep(pause_before_change(live, None).total_seconds())
        metadata = {"resourceVersion": fields.version(live), "annotations": change_note(live)}
        try:
            client.patch(PACKAGE, name, {"metadata": metadata, **patch}, namespace)
        except Conflict:
            continue
        log.info("modelpackage/%s: %s (%s).", name, word, description)
        break
    version = _live(_until(client, name, namespace, deadlines, _is_taken), "decided on")
    if version is None or version.approval != patch["spec"]["modelApprovalStatus"]:
        raise RegistryError(f"modelpackage/{name} was changed by somebody else meanwhile: look at it, then retry.")
    return version


def _described(
    client: KubeClient, name: str, arn: str, namespace: str, deadlines: Deadlines, *, log: Log
) -> ModelVersion:
    """The version as SageMaker has it. The controller was seen to leave the status of what it has registered itself as
    Pending, so a read-only resource of the same version looks, and goes again; deleting it deletes nothing.
    """
    own = client.get(PACKAGE, name, namespace)
    if fields.status_text(own, "modelPackageStatus") not in PACKAGE.succeeded | PACKAGE.failed:
        seen = _looked_at(client, arn, namespace, deadlines, log=log)
        if fields.status_text(seen, "modelPackageStatus") in PACKAGE.failed:
            raise RegistryError(f"{arn} has failed: its validation or the scan of its image says why, in SageMaker.")
    elif _has_failed(own):
        raise RegistryError(f"{arn} has failed: {classify(own).reason or 'SageMaker gives no reason'}")
    version = version_of(own)
    if version is None:
        raise RegistryError(f"modelpackage/{name} was deleted while it was registered.")
    return version


def _looked_at(client: KubeClient, arn: str, namespace: str, deadlines: Deadlines, *, log: Log) -> dict[str, Any]:
    """A version that has ended, as a resource saw it that only looked, and is deleted again. Another try of the run, on
    a worker that was given up, may delete it meanwhile: then it looks once more.
    """
    look = adoption_manifest(arn, namespace, read_only=True)["metadata"]["name"]
    try:
        for _ in range(_ROUNDS):
            try:
                adopt(client, arn, namespace, read_only=True, deadlines=deadlines, log=log)
                return _until(client, look, namespace, deadlines, _has_ended)
            except RegistryGone:
                log.info("modelpackage/%s was deleted by somebody else while it looked: once more.", look)
    finally:
        delete_if_same(client, PACKAGE, look, namespace, uid=None)
    raise RegistryError(f"modelpackage/{look} was deleted {_ROUNDS} times while it looked: find out who does it.")


def _standing(
    client: KubeClient, name: str, namespace: str, deadlines: Deadlines, *, log: Log
) -> dict[str, Any] | None:
    """The resource; None: there is none. One that is being deleted is none: what is written on it would go with it.

    :raises RegistryError: its deletion takes too long.
    """
    try:
        live = client.get(PACKAGE, name, namespace)
    except NotFound:
        return None
    if fields.deleted(live) is None:
        return live
    log.info("modelpackage/%s is being deleted: waiting until it is gone.", name)
    outcome, verdict = wait(
        client,
        PACKAGE,
        name,
        namespace=namespace,
        uid=fields.uid(live),
        deadlines=deadlines,
        goal=Goal.GONE,
        poll_interval=5.0,
    )
    if not outcome.gone:
        raise RegistryError(ending(outcome, verdict))
    return None


def _live(resource: Mapping[str, Any], done: str) -> ModelVersion | None:
    """The version that a resource tells of.

    :raises RegistryGone: it is being deleted.
    """
    if fields.deleted(resource) is not None:
        raise RegistryGone(f"modelpackage/{fields.name(resource)} was deleted while it was {done}.")
    return version_of(resource)


def _notes_for(live: Mapping[str, Any]) -> list[str]:
    """The annotations that are not written on a version yet. Whose it is stands in two, of one writer."""
    missing = [key for key in (ANNOTATION_METRICS, ANNOTATION_EXECUTION) if fields.annotation(live, key) is None]
    if fields.annotation(live, ANNOTATION_IDENTITY) is None:
        missing += [ANNOTATION_IDENTITY, ANNOTATION_INSTANCE]
    return missing


def _until(
    client: KubeClient, name: str, namespace: str, deadlines: Deadlines, done: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any]:
    """The resource once ``done`` says so; whether it is synced does not count, which an adopted one never is.

    :raises RegistryGone: it was deleted.
    :raises RegistryError: it is refused, or takes too long.
    """
    seen: dict[str, Any] = {}

    def judge(resource: Mapping[str, Any] | None, last: Outcome) -> Outcome:
        if resource is None:
            return gone(last)
        seen.clear()
        seen.update(resource)
        outcome = classify(resource)
        if done(resource):
            return replace(outcome, state=State.SUCCEEDED)
        return replace(outcome, state=State.IN_PROGRESS) if outcome.state is State.SUCCEEDED else outcome

    outcome, verdict = wait(
        client, PACKAGE, name, namespace=namespace, uid=None, deadlines=deadlines, poll_interval=5.0, judge=judge
    )
    if outcome.gone:
        raise RegistryGone(ending(outcome, verdict))
    if verdict is not Verdict.REACHED or outcome.state is not State.SUCCEEDED:
        raise RegistryError(ending(outcome, verdict))
    return seen


def _is_taken(resource: Mapping[str, Any]) -> bool:
    return answered(resource) and classify(resource).state not in (State.REFUSED, State.RETRYING)


def _has_ended(resource: Mapping[str, Any]) -> bool:
    return fields.status_text(resource, "modelPackageStatus") in PACKAGE.succeeded | PACKAGE.failed


def _has_failed(resource: Mapping[str, Any]) -> bool:
    return fields.status_text(resource, "modelPackageStatus") in PACKAGE.failed


def _attempt(resource: Mapping[str, Any]) -> int:
    label = fields.label(resource, LABEL_ATTEMPT)
    return int(label) if label.isascii() and label.isdigit() else 0
