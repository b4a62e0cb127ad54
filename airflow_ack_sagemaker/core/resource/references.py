"""What a kind refers to by name: in which order resources are applied, and which must go before another.

No CRD of the controller has a reference field, so that names are written out and the order is the writer's. Sources:
the CRDs, and what the SageMaker API says of its Create and Delete operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Reference:
    """``path`` in the spec, with dots and ``[]`` for the items of a list, names one of ``kind``."""

    path: str
    kind: str


def _all(kind: str, *paths: str) -> tuple[Reference, ...]:
    return tuple(Reference(path, kind) for path in paths)


_DEFINITIONS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")

REFERENCES: Mapping[str, tuple[Reference, ...]] = {
    "ModelPackage": _all("ModelPackageGroup", "modelPackageGroupName"),
    "Model": _all("ModelPackage", "primaryContainer.modelPackageName", "containers[].modelPackageName"),
    "EndpointConfig": _all("Model", "productionVariants[].modelName"),
    "Endpoint": _all("EndpointConfig", "endpointConfigName"),
    "InferenceComponent": (*_all("Endpoint", "endpointName"), *_all("Model", "specification.modelName")),
    "TransformJob": _all("Model", "modelName"),
    **{
        f"{name}JobDefinition": _all("Endpoint", f"{name[0].lower()}{name[1:]}JobInput.endpointInput.endpointName")
        for name in _DEFINITIONS
    },
    "MonitoringSchedule": (
        *(
            Reference("monitoringScheduleConfig.monitoringJobDefinitionName", f"{name}JobDefinition")
            for name in _DEFINITIONS
        ),
        *_all(
            "Endpoint", "monitoringScheduleConfig.monitoringJobDefinition.monitoringInputs[].endpointInput.endpointName"
        ),
    ),
    "ProcessingJob": _all("FeatureGroup", "processingOutputConfig.outputs[].featureStoreOutput.featureGroupName"),
    "PipelineExecution": _all("Pipeline", "pipelineName"),
    "UserProfile": _all("Domain", "domainID"),
    "Space": _all("Domain", "domainID"),
    "App": (
        *_all("Domain", "domainID"),
        *_all("UserProfile", "userProfileName"),
        *_all("Space", "spaceName"),
    ),
    "NotebookInstance": _all("NotebookInstanceLifecycleConfig", "lifecycleConfigName"),
}
"""By the kind that refers. A kind that is missing refers to none."""

_IDENTITIES = {"Domain": "domainID"}
"""Kinds that others name by a member of the status; the others are named as ``Kind.name_field`` of the spec says."""


@cache
def rank(kind: str) -> int:
    """How many kinds must be there before one of this kind: 0 for one that refers to none."""
    return 1 + max((rank(reference.kind) for reference in REFERENCES.get(kind, ())), default=-1)


def in_order(manifests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The manifests in the order in which they are applied; deletions take the reverse. A rank keeps its own order."""
    return sorted(manifests, key=lambda manifest: rank(fields.kind_name(manifest)))


def kinds_that_refer_to(kind: Kind) -> list[Kind]:
    """The kinds that name one of this kind, the last in the order first."""
    found = {name for name, all_ in REFERENCES.items() for reference in all_ if reference.kind == kind.kind}
    return [kind_of(name) for name in sorted(found, key=lambda name: (-rank(name), name))]


def named(resource: Mapping[str, Any]) -> frozenset[str]:
    """What others call a thing by: its name in SageMaker, and its ARN."""
    kind = kind_of(fields.kind_name(resource))
    status = _IDENTITIES.get(kind.kind)
    name = fields.status_text(resource, status) if status else None
    if not status and kind.name_field:
        name = fields.text(fields.spec(resource), kind.name_field)
    return frozenset(found for found in (name, fields.arn(resource)) if found)


def refers(resource: Mapping[str, Any], kind: Kind, names: frozenset[str]) -> bool:
    """Whether a resource names one of this kind by one of these names. A monitoring schedule says of which type."""
    spec = fields.spec(resource)
    if fields.kind_name(resource) == "MonitoringSchedule":
        config = spec.get("monitoringScheduleConfig")
        said = fields.text(config, "monitoringType") if isinstance(config, Mapping) else None
        if said is not None and kind.kind.endswith("JobDefinition") and kind.kind != f"{said}JobDefinition":
            return False
    return any(
        value in names
        for reference in REFERENCES.get(fields.kind_name(resource), ())
        if reference.kind == kind.kind
        for value in _values(spec, reference.path.split("."))
    )


def _values(value: Any, path: Sequence[str]) -> Iterator[str]:
    if not path:
        if isinstance(value, str):
            yield value
        return
    name, rest = path[0], path[1:]
    inner = value.get(name.removesuffix("[]")) if isinstance(value, Mapping) else None
    if name.endswith("[]"):
        for item in inner if isinstance(inner, list) else ():
            yield from _values(item, rest)
    else:
        yield from _values(inner, rest)
