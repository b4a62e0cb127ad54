"""Bring one resource to what its manifest says, and know afterwards which status is an answer to it.

What is wanted is compared by the API server itself, in a dry run, so that what nobody asked to change is not written:
neither a new generation nor a second UpdatePipeline. The same dry run tells the API server's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.changes import after_creation, changed_fields, only_tags, why_refused
from airflow_ack_sagemaker.core.resource.fields import Resource, status_written
from airflow_ack_sagemaker.core.resource.freshness import (
    ANNOTATION_ANSWERED,
    answer_note,
    change_note,
    observe,
    pause_before_change,
)
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_DAG,
)
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import (
    ANNOTATION_ADOPTION_FIELDS,
    ANNOTATION_ADOPTION_POLICY,
    ANNOTATION_DELETION_POLICY,
    ANNOTATION_REGION,
    SpecError,
)
from airflow_ack_sagemaker.core.resource.ownership import Remedy, remedy_of_refusal
from airflow_ack_sagemaker.core.resource.server_clock import ANNOTATION_STAMP, stamp_of_write
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, verdict_of
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.stopping import CONFIRM_SECONDS
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.definition import prepare_change
from airflow_ack_sagemaker.runs.job import is_this_runs_job
from airflow_ack_sagemaker.runs.lease import LeaseWait

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.look import Run

SHORT_WAIT = 10.0
"""Seconds that a task waits itself before it leaves the rest to the triggerer.

A controller syncs a pipeline or a model within a second or two: waiting for that costs less than a second process,
which comes some ten seconds later.
"""

_ROUNDS = 20
"""Each round loses to another writer at most once; a controller that writes so often is broken."""

_ANNOTATIONS = (
    ANNOTATION_DELETION_POLICY,
    ANNOTATION_ADOPTION_POLICY,
    ANNOTATION_ADOPTION_FIELDS,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_ANSWERED,
)


@dataclass(frozen=True, slots=True)
class Applied:
    """How the resource stands after `apply_resource`, and whether that wrote its spec."""

    outcome: Outcome
    changed: bool


def apply_resource(
    client: KubeClient,
    kind: Kind,
    manifest: Mapping[str, Any],
    *,
    log: Log,
    run: Run | None = None,
    turn: LeaseWait | None = None,
    observed: Callable[[Resource], Outcome] = observe,
    sleep: Callable[[float], None] = time.sleep,
) -> Applied:
    """Create or update ``manifest`` by server-side apply, or leave it alone where its spec is what it should be.

    An update waits until the second of the last status write has passed (at most two seconds, whatever the clocks say)
    and carries the version that was looked at: only then a later status is sure to be an answer to it
    (`airflow_ack_sagemaker.core.resource.freshness`).

    :param run: the run that asks. A job that somebody else has made is not this run's, so that its end is not
        reported as such; None: whose a job is does not matter.
    :param turn: whose lease of a Pipeline is this caller's own (`runs.lease.held`); None: it holds none.
    :param observed: reads how a resource stands that is as it should be.
    :raises SpecError: the change is one that the controller would turn into something else: another name or region, or
        another spec of a job; or the job is another run's.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    turn = turn or LeaseWait()
    for _ in range(_ROUNDS):
        try:
            live = client.get(kind, name, namespace)
        except NotFound:
            log.info("Creating %s/%s in namespace %s.", kind.singular, name, namespace)
            return Applied(observe(client.apply(kind, manifest)), changed=True)
        outcome = observe(live)
        # A kept thing that has failed says so while it is deleted, too; a job that has ended keeps its end.
        if (
            outcome.deleted is not None
            and outcome.state is not State.REFUSED
            and not (kind.is_job and outcome.finished)
        ):
            _wait_until_gone(client, kind, outcome, log)
            continue
        if outcome.state is State.REFUSED and outcome.deleted is not None:
            raise KubeError(ending(outcome, Verdict.REACHED))
        if outcome.arn is not None:
            manifest = after_creation(kind, manifest)
        if kind.is_job and run is not None and not is_this_runs_job(client, live, outcome, run, log=log):
            _wait_until_gone(client, kind, outcome, log)
            continue
        _refuse_another_thing(kind, live, manifest, outcome)
        tried = client.apply(kind, _with_annotations(manifest, {ANNOTATION_STAMP: str(time.time_ns())}), dry_run=True)
        changed = changed_fields(live, tried)
        if only_tags(changed):
            log.warning("%s has other tags; the controller sets tags only when it makes a thing.", outcome.resource)
        differs = bool(changed) and not only_tags(changed)
        if outcome.state is State.REFUSED:
            remedy = remedy_of_refusal(live, spec_differs=differs and not kind.is_job)
            if remedy is Remedy.REPLACE:
                log.info("%s was refused before (%s): replacing it.", outcome.resource, outcome.reason)
                _delete_as_it_is(client, kind, live)
                continue
        if not differs:
            outcome = observed(live)
            found = answer_note(live) if outcome.state is State.SUCCEEDED and not kind.is_job else {}
            _annotate(client, kind, live, _with_annotations(manifest, found))
            return Applied(outcome, changed=False)
        if kind.is_job:
            raise SpecError(
                f"{outcome.resource} exists with another spec, and a job cannot be changed once it is asked for: give "
                "each run a name of its own."
            )
        if (why := why_refused(kind, outcome, changed)) is not None:
            raise SpecError(f"{outcome.resource} {why}.")
        if kind is PIPELINE and prepare_change(client, live, turn, log=log):
            continue  # others have worked with it meanwhile: look again
        if outcome.state is State.REFUSED:
            log.info("%s was refused before (%s): changing it.", outcome.resource, outcome.reason)
        _wait_for_the_next_second(live, tried, outcome, log, sleep)
        try:
            applied = client.apply(kind, _as_it_is(live, _with_annotations(manifest, change_note(live))))
        except (Conflict, NotFound):
            continue  # somebody, most likely the controller, wrote in between: look again
        log.info("Updated %s (generation %s).", outcome.resource, applied["metadata"].get("generation"))
        return Applied(observe(applied), changed=True)
    raise KubeError(
        f"{kind.singular}/{name} (namespace {namespace}) was changed by somebody else each of the {_ROUNDS} times that "
        "it was about to be updated: find the other writer (kubectl get --show-managed-fields)."
    )


def wait_shortly(
    client: KubeClient,
    kind: Kind,
    outcome: Outcome,
    *,
    deadlines: Deadlines,
    goal: Goal,
    poll_interval: float,
    on_change: Callable[[Outcome], None],
    seconds: float = SHORT_WAIT,
) -> tuple[Outcome, Verdict | None]:
    """Follow what this task has just asked for, as long as that is likely to be over at once.

    That ends after ``seconds``, or as soon as SageMaker is known to work on it: what it creates or runs takes
    minutes.

    :returns: how it stands, and the verdict; None: leave it to the triggerer.
    :raises KubeError: the cluster cannot be asked.
    """
    from airflow_ack_sagemaker.follow.until import wait

    outcome, _ = wait(
        client,
        kind,
        outcome.name,
        namespace=outcome.namespace,
        uid=outcome.uid,
        deadlines=deadlines,
        goal=Goal.STARTED if goal is Goal.FINISHED else goal,
        poll_interval=poll_interval,
        until=time.time() + seconds,
        on_change=on_change,
    )
    return outcome, verdict_of(outcome, deadlines, time.time(), goal=goal)


def _refuse_another_thing(kind: Kind, live: Mapping[str, Any], manifest: Mapping[str, Any], outcome: Outcome) -> None:
    has, wants = fields.spec(live), fields.spec(manifest)
    field = kind.name_field
    if field and field in wants and has.get(field) not in (None, wants[field]):
        raise SpecError(
            f"{outcome.resource} is the resource of {field} {has[field]!r}; it is not changed to {wants[field]!r}, "
            "because the controller would create a second one and forget the first. Give the new one a resource_name "
            "of its own, or delete the old resource."
        )
    region = fields.annotation(manifest, ANNOTATION_REGION)
    if region and outcome.region and region != outcome.region:
        raise SpecError(
            f"{outcome.resource} is in region {outcome.region}; a resource does not move to {region}. Give it a "
            "resource_name of its own for the other region."
        )


def _wait_for_the_next_second(
    live: Mapping[str, Any], tried: Mapping[str, Any], outcome: Outcome, log: Log, sleep: Callable[[float], None]
) -> None:
    """Wait until an answer to a change can be told from the status that stands.

    :param tried: the answer to a dry run of now, which tells the API server's time.
    """
    written, now = status_written(live), stamp_of_write(tried)
    pause = pause_before_change(live, now).total_seconds()
    if pause <= 0:
        return
    ahead = 0.0 if written is None or now is None else (written - now).total_seconds()
    why = f"lies {ahead:,.0f} s ahead of the API server's clock" if ahead > 0 else "was written just now"
    log.info(
        "Waiting %.0f s before %s is changed: its status %s, and the answer must differ.", pause, outcome.resource, why
    )
    sleep(pause)


def _with_annotations(manifest: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **annotations}},
    }


def _as_it_is(live: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest for an apply that is refused (`Conflict`) where somebody has written since ``live`` was read."""
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": fields.version(live)}}


def _annotate(client: KubeClient, kind: Kind, live: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """What does not stand in the spec: by merge patch, since an apply would count as a change of the spec.

    The same definition may lie in S3 as a new version. Which DAG a pipeline belongs to is written once: two that apply
    the same one would change it for ever.
    """
    patch = {
        "annotations": _differing(fields.annotations_of(live), fields.annotations_of(manifest), _ANNOTATIONS),
        "labels": {} if fields.label(live, LABEL_DAG) else _differing(None, fields.labels_of(manifest), (LABEL_DAG,)),
    }
    if any(patch.values()):
        body = {"metadata": {name: values for name, values in patch.items() if values}}
        client.patch(kind, fields.name(live), body, fields.namespace(live))


def _differing(has: Mapping[str, str] | None, wants: Mapping[str, str] | None, keys: tuple[str, ...]) -> dict[str, str]:
    had, wanted = has or {}, wants or {}
    return {key: wanted[key] for key in keys if key in wanted and had.get(key) != wanted[key]}


def _delete_as_it_is(client: KubeClient, kind: Kind, live: Mapping[str, Any]) -> None:
    """Delete a resource that has nothing in AWS, unless somebody has written since ``live`` was read: the controller
    may just have taken it up. Where a finalizer keeps it, wait shortly until it is gone.
    """
    name, namespace, uid = fields.name(live), fields.namespace(live), fields.uid(live)
    deleted = delete_if_same(client, kind, name, namespace, uid=uid, resource_version=fields.version(live))
    if deleted and fields.finalizers(live):
        _is_gone_within(client, kind, observe(live), SHORT_WAIT)


def _wait_until_gone(client: KubeClient, kind: Kind, outcome: Outcome, log: Log) -> None:
    """Wait until a resource that is being deleted is gone: what it is to be comes after it.

    :raises KubeError: that takes too long.
    """
    log.info("%s is being deleted: waiting until it is gone, at most %.0f s.", outcome.resource, CONFIRM_SECONDS)
    if not _is_gone_within(client, kind, outcome, CONFIRM_SECONDS):
        why = outcome.reason if outcome.state is State.DELETING else None
        raise KubeError(
            f"{outcome.resource} is being deleted ({why or 'its finalizer is still there'}): wait until it is gone; a "
            "retry will make it anew."
        )


def _is_gone_within(client: KubeClient, kind: Kind, outcome: Outcome, seconds: float) -> bool:
    from airflow_ack_sagemaker.follow.until import wait

    _, verdict = wait(
        client,
        kind,
        outcome.name,
        namespace=outcome.namespace,
        uid=outcome.uid,
        deadlines=Deadlines(),
        goal=Goal.GONE,
        poll_interval=1.0,
        until=time.time() + seconds,
    )
    return verdict is Verdict.REACHED
