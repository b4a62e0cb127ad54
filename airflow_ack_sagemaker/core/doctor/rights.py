"""What the user of a connection may do in a namespace, and what each feature needs (`deploy/kubernetes/rbac*.yaml`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from airflow_ack_sagemaker.core.doctor.lines import Level, Line
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION, Kind, kind_of

VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""What a feature needs of each of its kinds."""
PIPELINE_KINDS = (PIPELINE, PIPELINE_EXECUTION)
"""The kinds of `rbac.yaml`: without them nothing works."""
LIFECYCLE_KINDS = tuple(
    kind_of(name)
    for name in (
        "Model",
        "ModelPackage",
        "ModelPackageGroup",
        "EndpointConfig",
        "Endpoint",
        "MonitoringSchedule",
        "DataQualityJobDefinition",
        "ModelQualityJobDefinition",
        "TrainingJob",
        "ProcessingJob",
        "TransformJob",
    )
)
"""The kinds of `rbac-lifecycle.yaml`, each of them for those who use it."""


def rights(allowed: Mapping[Kind, Collection[str]], where: str) -> Iterator[Line]:
    """A line for each kind of pipelines that lacks a right, and what there is of the others.

    A kind of the lifecycle is somebody's choice: without any right, or with those of a reader, nothing is wrong. Rights
    to write that are not whole are: a task would create what it can neither watch nor delete.

    :param allowed: kind -> the verbs that this user has, for each kind that was asked.
    :param where: namespace and user.
    """
    for kind in PIPELINE_KINDS:
        if missing := _missing(allowed, kind):
            yield Line(
                "rights",
                Level.PROBLEM,
                f"This user may not {', '.join(missing)} {kind.plural}",
                where,
                "If Airflow connects as this user, grant it the Role of deploy/kubernetes/rbac.yaml. Without watch "
                "tasks poll; without the others they fail.",
            )
    if all(not _missing(allowed, kind) for kind in PIPELINE_KINDS):
        yield Line("rights", Level.OK, f"This user may {', '.join(VERBS)} pipelines and executions", where)
    asked = [kind for kind in LIFECYCLE_KINDS if kind in allowed]
    whole = [kind.plural for kind in asked if not _missing(allowed, kind)]
    if whole:
        yield Line("rights", Level.OK, f"And the same of {', '.join(whole)}", where)
    none = [kind.plural for kind in asked if not _may_write(allowed[kind])]
    if none:
        yield Line(
            "rights",
            Level.OK,
            f"This user may not write {', '.join(none)}, which only training, registering and serving models through "
            "them need (deploy/kubernetes/rbac-lifecycle.yaml)",
            where,
        )
    for kind in asked:
        if _may_write(allowed[kind]) and (missing := _missing(allowed, kind)):
            yield Line(
                "rights",
                Level.PROBLEM,
                f"This user may {', '.join(verb for verb in VERBS if verb in allowed[kind])} {kind.plural}, and not "
                f"{', '.join(missing)}",
                where,
                "Grant it all of them (deploy/kubernetes/rbac-lifecycle.yaml), or none.",
            )


def _missing(allowed: Mapping[Kind, Collection[str]], kind: Kind) -> list[str]:
    return [verb for verb in VERBS if verb not in allowed.get(kind, ())]


def _may_write(verbs: Collection[str]) -> bool:
    return bool({"create", "patch", "delete"} & set(verbs))
