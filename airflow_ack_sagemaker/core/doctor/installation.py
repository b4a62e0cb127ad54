"""Is the controller installed, new enough, alive, and watching: read from what any user of a namespace may see.

Neither way of installation can be asked directly: Helm's Deployment is in a namespace that a user may not read, and the
EKS capability runs outside the cluster. Both leave the same traces: the kinds that the API server serves, the fields
that these have, the statuses that the controller writes, and a Lease where it elects a leader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.doctor.lines import Level, Line
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.freshness import answered, spec_changed
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, KINDS
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none

LEASE = "ack-sagemaker.services.k8s.aws"
"""LeaderElectionID of the controller: "ack-" and its group."""
LEASE_NAMESPACES = ("ack-system", "kube-system")
"""Where the chart puts it, and where both ways put it while one replaces the other."""
LEASE_AGE = timedelta(minutes=1)
"""A leader renews its Lease every two seconds or so (controller-runtime: 15 s lease, 10 s deadline)."""
ANSWER = timedelta(minutes=1)
"""A controller that is idle answers a change within a second; one that is busy, within a minute or so."""

NEEDED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Pipeline": (
        "spec.pipelineName",
        "spec.roleARN",
        "spec.pipelineDefinition",
        "spec.pipelineDescription",
        "spec.pipelineDisplayName",
        "spec.parallelismConfiguration.maxParallelExecutionSteps",
        "spec.tags",
        "status.ackResourceMetadata.arn",
        "status.conditions",
        "status.pipelineStatus",
    ),
    "PipelineExecution": (
        "spec.pipelineName",
        "spec.pipelineExecutionDescription",
        "spec.pipelineExecutionDisplayName",
        "spec.pipelineParameters",
        "spec.parallelismConfiguration.maxParallelExecutionSteps",
        "spec.pipelineVersionID",
        "spec.selectiveExecutionConfig.selectedSteps",
        "spec.selectiveExecutionConfig.sourcePipelineExecutionARN",
        "status.ackResourceMetadata.arn",
        "status.conditions",
        "status.failureReason",
        "status.pipelineExecutionStatus",
    ),
}
"""Kind -> the fields that this package writes or reads."""
LIFECYCLE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Endpoint": (
        "spec.endpointName",
        "spec.endpointConfigName",
        "spec.deploymentConfig.autoRollbackConfiguration.alarms",
        "status.endpointStatus",
        "status.failureReason",
        "status.conditions",
    ),
    "EndpointConfig": ("spec.endpointConfigName", "spec.productionVariants", "status.conditions"),
    "Model": ("spec.modelName", "spec.executionRoleARN", "status.conditions"),
    "ModelPackage": (
        "spec.modelPackageGroupName",
        "spec.modelApprovalStatus",
        "spec.approvalDescription",
        "status.modelPackageStatus",
        "status.conditions",
    ),
}
"""The same of kinds that a cluster may lack: not everybody serves models through it."""
_UPGRADE = (
    "Helm never upgrades custom resource definitions: apply those of the chart's crds/ with kubectl apply "
    "--server-side. The EKS capability upgrades them itself."
)


def served_kinds(api_resources: Mapping[str, Any]) -> frozenset[str]:
    """The kinds that the API server serves.

    :param api_resources: its ``APIResourceList`` of the group.
    """
    items = api_resources.get("resources")
    return frozenset(
        str(item.get("kind")) for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping)
    )


def kinds_served(served: frozenset[str]) -> Line:
    """Whether the API server serves the kinds that pipelines need."""
    missing = [kind for kind in NEEDED_FIELDS if kind not in served]
    if missing:
        return Line(
            "kinds",
            Level.PROBLEM,
            f"The cluster does not know {' and '.join(missing)}",
            API_VERSION,
            "Install the ACK SageMaker controller with its custom resource definitions (docs/install.md).",
        )
    return Line("kinds", Level.OK, f"{len(served & set(KINDS))} of {len(KINDS)} kinds are served", API_VERSION)


def usable_namespace(name: str, namespace: Mapping[str, Any] | None) -> Line | None:
    """A problem where nothing can be created in a namespace; None: it is as it should be.

    :param namespace: as the API server has it; None: it has none.
    """
    if namespace is None:
        todo = "Correct the namespace (--namespace, the context, the connection), or create it."
        return Line("cluster", Level.PROBLEM, f"There is no namespace {name}", todo=todo)
    if fields.status(namespace).get("phase") == "Terminating":
        what = f"Namespace {name} is being deleted: nothing can be created in it, and all in it goes"
        return Line("cluster", Level.PROBLEM, what, todo="Create it again when it is gone, or take another one.")
    return None


def fields_served(openapi: Mapping[str, Any]) -> Line:
    """Whether the kinds have every field that is used here; of the lifecycle's, those that are served.

    :param openapi: the API server's OpenAPI v3 document of the group.
    """
    wanted = {**NEEDED_FIELDS, **{kind: paths for kind, paths in LIFECYCLE_FIELDS.items() if _schema(openapi, kind)}}
    missing = []
    for kind, paths in wanted.items():
        schema = _schema(openapi, kind)
        missing += [f"{kind}.{path}" for path in paths if not _has(schema, path.split("."))]
    if missing:
        return Line(
            "fields",
            Level.PROBLEM,
            f"The cluster's custom resource definitions are too old: {', '.join(missing)} is missing",
            GROUP,
            _UPGRADE,
        )
    return Line("fields", Level.OK, f"All {sum(map(len, wanted.values()))} fields in use are there", GROUP)


def lease(document: Mapping[str, Any], now: datetime) -> Line:
    """Whether the leader renews its Lease.

    :param document: the Lease object.
    """
    spec = fields.spec(document)
    renewed, where = time_or_none(spec.get("renewTime")), f"lease/{LEASE} (namespace {fields.namespace(document)})"
    if renewed is None or now - renewed > LEASE_AGE:
        return Line(
            "lease",
            Level.PROBLEM,
            f"The controller's leader last renewed its Lease {text_of(renewed) or 'never'}",
            where,
            f"The controller is down: {CONTROLLER_LOG}.",
        )
    return Line("lease", Level.OK, f"The controller's leader is alive ({spec.get('holderIdentity')})", where)


def watched(resources: Sequence[Mapping[str, Any]], namespace: str, now: datetime) -> Iterator[Line]:
    """Whether somebody reconciles this namespace, kind by kind: does a status move?

    :param resources: of the namespace, each with its ``kind``.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        by_kind.setdefault(str(resource.get("kind")), []).append(resource)
    silent = {kind: [one for one in ones if _is_unanswered(one, now)] for kind, ones in by_kind.items()}
    heard = {kind: [one for one in ones if _was_answered(one)] for kind, ones in by_kind.items()}
    if not resources:
        what = "Nothing tells whether the controller runs: no resource was found here that it would answer"
        yield Line("controller", Level.SKIPPED, what, namespace)
        return
    if any(silent.values()) and not any(heard.values()):
        yield Line(
            "controller",
            Level.PROBLEM,
            "Nobody reconciles this namespace: no controller has ever written a status here",
            namespace,
            "Is the controller installed and running, and does it watch this namespace? Helm: installScope, "
            f"watchNamespace and watchSelectors of its values. Its log: {CONTROLLER_LOG}.",
        )
        return
    newest = max((written for one in resources if (written := fields.status_written(one))), default=None)
    if newest is not None:
        yield Line("controller", Level.OK, f"The controller last wrote a status {text_of(newest)}", namespace)
    for kind, ones in silent.items():
        if ones and not heard[kind]:
            yield Line(
                "controller",
                Level.PROBLEM,
                f"Nobody reconciles {kind} here, while other kinds are reconciled",
                ", ".join(fields.name(one) for one in ones[:5]),
                "Helm: add the kind to reconcile.resources of the chart's values, and see that watchSelectors selects "
                f"these. Its log: {CONTROLLER_LOG}.",
            )
        elif ones:
            since = max(changed for one in ones if (changed := _changed(one)))
            yield Line(
                "controller",
                Level.PROBLEM,
                f"The controller has stopped answering: {len(ones)} changed since {text_of(since)} and got no answer",
                ", ".join(fields.name(one) for one in ones[:5]),
                f"It is down, cannot reach AWS, or is far behind. Its log: {CONTROLLER_LOG}.",
            )


def _changed(resource: Mapping[str, Any]) -> datetime | None:
    times = [time for time in (fields.created(resource), spec_changed(resource)) if time]
    return max(times, default=None)


def _is_unanswered(resource: Mapping[str, Any], now: datetime) -> bool:
    changed = _changed(resource)
    late = changed is not None and now - changed > ANSWER
    return late and (not _was_answered(resource) or (not _is_job(resource) and not answered(resource)))


def _was_answered(resource: Mapping[str, Any]) -> bool:
    return bool(fields.status(resource) or fields.finalizers(resource))


def _is_job(resource: Mapping[str, Any]) -> bool:
    kind = KINDS.get(str(resource.get("kind")))
    return kind is not None and kind.is_job


def _schema(openapi: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    components = openapi.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    for schema in schemas.values() if isinstance(schemas, Mapping) else ():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(one.get("group") == GROUP and one.get("kind") == kind for one in kinds):
            found: Mapping[str, Any] = schema
            return found
    return {}


def _has(schema: Mapping[str, Any], path: Sequence[str]) -> bool:
    for name in path:
        schema = schema.get("items") or schema
        found = (schema.get("properties") or {}).get(name)
        if not isinstance(found, Mapping):
            return False
        schema = found
    return True
