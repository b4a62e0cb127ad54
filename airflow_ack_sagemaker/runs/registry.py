"""The requests of the model registry: register a version once, adopt one, read one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.lifecycle.registry import (
    ANNOTATION_EXECUTION,
    ModelVersion,
    adoption_manifest,
    is_adopted,
    must_be_adopted_anew,
    newest_approved,
    version_manifest,
    version_of,
)
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_METRICS
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import answered
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_IDENTITY,
    ANNOTATION_INSTANCE,
    LABEL_ATTEMPT,
    RunIdentity,
)
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Relation, Try, relation_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.then import Then, then
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.end import withdraw
from airflow_ack_sagemaker.runs.look import Run, resources_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

PACKAGE = kind_of("ModelPackage")
_ROUNDS = 20


class RegistryError(KubeError):
    """A version was not registered, adopted or decided on. The message says why."""


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
    found = resources_of(client, run.namespace, run.identity, kind=PACKAGE)
    own = {_attempt(item): item for item in found if run.identity.owns(item)}
    attempt = max(own, default=max(run.first_attempt, 1))
    last = own.get(attempt)
    if last is not None and not _goes_on(last, run.tried):
        _withdraw_former(client, last, run.tried, log=log)
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
    if last is None or _standing(client, name, run.namespace, deadlines, log=log) is None:
        # Never applied twice: that would take back an approval.
        log.info("Registering a version of %s (modelpackage/%s).", group, name)
        client.apply(PACKAGE, manifest)
    else:
        log.info("modelpackage/%s was made by an earlier try of this run.", name)
    seen = until(
        client,
        name,
        run.namespace,
        deadlines,
        lambda item: version_of(item) is not None,
        given_up=lambda outcome: withdraw(client, outcome, log=log),
    )
    arn = fields.arn(seen) or ""
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
    if live is not None and must_be_adopted_anew(live, manifest):
        log.info("modelpackage/%s was refused, or looked in another region: deleting it, to adopt anew.", name)
        delete_if_same(client, PACKAGE, name, namespace, uid=fields.uid(live), resource_version=fields.version(live))
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
    version = live_version(until(client, name, namespace, deadlines, is_adopted), "adopted")
    if version is None or version.arn != arn:
        raise RegistryError(
            f"modelpackage/{name} is not of {arn}: delete the resource (the version stays), then retry."
        )
    return version


def _goes_on(last: Mapping[str, Any], tried: Try) -> bool:
    """Whether a try goes on with what an earlier one has asked for, instead of asking for another version."""
    refused = classify(last).state is State.REFUSED and fields.arn(last) is None
    return not refused and not _has_failed(last) and relation_of(last, tried) is Relation.SAME_RUN


def _withdraw_former(client: KubeClient, last: Mapping[str, Any], tried: Try, *, log: Log) -> None:
    """Delete what another is asked for instead of, unless it is registered: it would be later, as a second version."""
    if fields.arn(last) is not None or relation_of(last, tried) is Relation.ANOTHER_RUN:
        return
    outcome = classify(last)
    if outcome.state is not State.REFUSED:
        withdraw(client, outcome, log=log)
        return
    version = fields.version(last)
    if delete_if_same(client, PACKAGE, outcome.name, outcome.namespace, uid=outcome.uid, resource_version=version):
        log.info("Deleted %s, which was refused: another is asked for instead.", outcome.resource)


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
                return until(client, look, namespace, deadlines, _has_ended)
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


def live_version(resource: Mapping[str, Any], done: str) -> ModelVersion | None:
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


def until(
    client: KubeClient,
    name: str,
    namespace: str,
    deadlines: Deadlines,
    done: Callable[[Mapping[str, Any]], bool],
    *,
    given_up: Callable[[Outcome], object] = lambda outcome: None,
) -> dict[str, Any]:
    """The resource once ``done`` says so; whether it is synced does not count, which an adopted one never is.

    :param given_up: is called where the controller refuses it, tries in vain, or does not look at it.
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
        before = outcome.state is State.REFUSED and not answered(resource)  # that was said of the state before
        return replace(outcome, state=State.IN_PROGRESS) if before or outcome.state is State.SUCCEEDED else outcome

    outcome, verdict = wait(
        client, PACKAGE, name, namespace=namespace, uid=None, deadlines=deadlines, poll_interval=5.0, judge=judge
    )
    if outcome.gone:
        raise RegistryGone(ending(outcome, verdict))
    if verdict is not Verdict.REACHED or outcome.state is not State.SUCCEEDED:
        if outcome.state is State.REFUSED or then(verdict) is Then.WITHDRAW:
            given_up(outcome)
        raise RegistryError(ending(outcome, verdict))
    return seen


def _has_ended(resource: Mapping[str, Any]) -> bool:
    return fields.status_text(resource, "modelPackageStatus") in PACKAGE.succeeded | PACKAGE.failed


def _has_failed(resource: Mapping[str, Any]) -> bool:
    return fields.status_text(resource, "modelPackageStatus") in PACKAGE.failed


def _attempt(resource: Mapping[str, Any]) -> int:
    label = fields.label(resource, LABEL_ATTEMPT)
    return int(label) if label.isascii() and label.isdigit() else 0
