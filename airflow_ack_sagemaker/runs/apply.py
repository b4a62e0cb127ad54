"""Bring one resource to what its manifest says, and know afterwards which status is an answer to it.

What is wanted is compared by the API server itself, in a dry run, so that what nobody asked to change is not written:
neither a new generation nor a second UpdatePipeline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.freshness import may_change_at, observe
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_DAG,
)
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import (
    ANNOTATION_ADOPTION_POLICY,
    ANNOTATION_DELETION_POLICY,
    ANNOTATION_REGION,
    SpecError,
)
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.definition import prepare_change
from airflow_ack_sagemaker.runs.lease import Turn

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

_ROUNDS = 20
"""Each round loses to another writer at most once; a controller that writes so often is broken."""


_ANNOTATIONS = (
    ANNOTATION_DELETION_POLICY,
    ANNOTATION_ADOPTION_POLICY,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    ANNOTATION_DEFINITION_SHA256,
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
    turn: Turn | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Applied:
    """Create or update ``manifest`` by server-side apply, or leave it alone where its spec is what it should be.

    An update waits until the second of the last status write has passed (at most some two seconds) and carries the
    version that was looked at: only then a later status is sure to be an answer to it
    (`airflow_ack_sagemaker.core.resource.freshness`).

    :param turn: whose lease of a Pipeline is this caller's own (`runs.lease.held`); None: it holds none.
    :raises SpecError: the change is one that the controller would turn into something else: another name or region, or
        another spec of a job.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    turn = turn or Turn()
    for _ in range(_ROUNDS):
        try:
            live = client.get(kind, name, namespace)
        except NotFound:
            log.info("Creating %s/%s in namespace %s.", kind.singular, name, namespace)
            return Applied(observe(client.apply(kind, manifest)), changed=True)
        outcome = observe(live)
        if outcome.state is State.DELETING:
            raise KubeError(
                f"{outcome.resource} is being deleted ({outcome.reason or 'its finalizer is still there'}): wait "
                f"until it is gone; "
                "a retry will make it anew."
            )
        _refuse_another_thing(kind, live, manifest, outcome)
        if outcome.state is State.REFUSED and outcome.arn is None:
            # The controller never looks at a refused resource again, nor at a changed annotation; it has made nothing
            # in AWS and owns nothing there, so a new resource in its place loses nothing and is looked at.
            log.info("%s was refused before (%s): replacing it.", outcome.resource, outcome.reason)
            _delete(client, kind, live)
            continue
        wanted = client.apply(kind, manifest, dry_run=True)
        if wanted.get("spec") == live.get("spec"):
            _annotate(client, kind, live, manifest)
            return Applied(outcome, changed=False)
        if kind.is_job:
            raise SpecError(
                f"{outcome.resource} exists with another spec, and a job cannot be changed once it is asked for: give "
                f"each run a name "
                "of its own."
            )
        if kind is PIPELINE and prepare_change(client, live, turn, log=log):
            continue  # others have worked with it meanwhile: look again
        pause = _pause(client, live)
        if pause > 0:
            sleep(pause)
            continue
        try:
            applied = client.apply(
                kind, {**manifest, "metadata": {**metadata, "resourceVersion": live["metadata"]["resourceVersion"]}}
            )
        except (Conflict, NotFound):
            continue  # somebody, most likely the controller, wrote in between: look again
        log.info("Updated %s (generation %s).", outcome.resource, applied["metadata"].get("generation"))
        return Applied(observe(applied), changed=True)
    raise KubeError(
        f"{kind.singular}/{name} (namespace {namespace}) was changed by somebody else each of the {_ROUNDS} times "
        f"that it was about to "
        "be updated: find the other writer (kubectl get --show-managed-fields)."
    )


def _refuse_another_thing(kind: Kind, live: Mapping[str, Any], manifest: Mapping[str, Any], outcome: Outcome) -> None:
    has, wants = live.get("spec") or {}, manifest.get("spec") or {}
    field = kind.name_field
    if field and field in wants and has.get(field) not in (None, wants[field]):
        raise SpecError(
            f"{outcome.resource} is the resource of {field} {has[field]!r}; it is not changed to {wants[field]!r}, "
            f"because the controller "
            "would create a second one and forget the first. Give the new one a resource_name of its own, or delete "
            "the old resource."
        )
    region = (manifest["metadata"].get("annotations") or {}).get(ANNOTATION_REGION)
    if region and outcome.region and region != outcome.region:
        raise SpecError(
            f"{outcome.resource} is in region {outcome.region}; a resource does not move to {region}. Give it a "
            "resource_name of its own for the other region."
        )


def _pause(client: KubeClient, live: Mapping[str, Any]) -> float:
    """Seconds to wait, on the API server's clock (the ``Date`` of its replies), before the next change."""
    earliest = may_change_at(live)
    now = client.server_time
    if earliest is None or now is None:
        return 0.0
    return max((earliest - now).total_seconds(), 0.0)


def _annotate(client: KubeClient, kind: Kind, live: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """What does not stand in the spec: by merge patch, since an apply would count as a change of the spec.

    The same definition may lie in S3 as a new version. Which DAG a pipeline belongs to is written once: two that apply
    the same one would change it for ever.
    """
    has, wants = live["metadata"], manifest["metadata"]
    patch = {
        "annotations": _differing(has.get("annotations"), wants.get("annotations"), _ANNOTATIONS),
        "labels": {} if LABEL_DAG in (has.get("labels") or {}) else _differing(None, wants.get("labels"), (LABEL_DAG,)),
    }
    if any(patch.values()):
        body = {"metadata": {name: values for name, values in patch.items() if values}}
        client.patch(kind, has["name"], body, has["namespace"])


def _differing(has: Mapping[str, str] | None, wants: Mapping[str, str] | None, keys: tuple[str, ...]) -> dict[str, str]:
    had, wanted = has or {}, wants or {}
    return {key: wanted[key] for key in keys if key in wanted and had.get(key) != wanted[key]}


def _delete(client: KubeClient, kind: Kind, live: Mapping[str, Any]) -> None:
    metadata = live["metadata"]
    try:
        client.delete(kind, metadata["name"], metadata["namespace"], uid=metadata["uid"])
    except (NotFound, Conflict):
        return
