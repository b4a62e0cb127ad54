"""Versions of the model registry, as their ModelPackage resources tell them.

A version has no name in SageMaker: its group and number are the tail of its ARN. Approval is the text "Approved" and
nothing else; one that is taken back leads to the version before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_METRICS, metrics_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_LAUNCHED_BY,
    LABEL_ATTEMPT,
    PREFIX,
    RunIdentity,
    label_value,
    slug,
)
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import (
    ANNOTATION_ADOPTION_FIELDS,
    ANNOTATION_ADOPTION_POLICY,
    ANNOTATION_DELETION_POLICY,
    ANNOTATION_REGION,
    SpecError,
    resource_manifest,
)
from airflow_ack_sagemaker.core.resource.status import State, classify

APPROVED, REJECTED, PENDING = "Approved", "Rejected", "PendingManualApproval"
LABEL_GROUP = f"{PREFIX}/model-package-group"
ANNOTATION_EXECUTION = f"{PREFIX}/execution"
"""Of a version: ARN of the pipeline execution that has made the model."""
ANNOTATION_ADOPTED = "services.k8s.aws/adopted"
ANNOTATION_READ_ONLY = "services.k8s.aws/read-only"
_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:(?P<region>[a-z0-9-]*):\d{12}:model-package/(?P<group>[^/]+)/(?P<number>\d+)"
)
_DEAD = frozenset({"Failed", "Deleting"})
_MAX_DESCRIPTION = 1024
_AGAIN = " (asked again)"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version. ``approval`` and ``status`` are SageMaker's words, ``resource`` the name of its resource."""

    arn: str
    group: str
    number: int
    approval: str | None
    status: str | None
    resource: str
    metrics: Mapping[str, float]

    @property
    def is_approved(self) -> bool:
        """Whether it may be served: exactly "Approved", and not failed."""
        return self.approval == APPROVED and self.status not in _DEAD

    @property
    def name(self) -> str:
        """For people: ``abalone/3``."""
        return f"{self.group}/{self.number}"


def parts_of(arn: str) -> tuple[str, int]:
    """Group and number of a version.

    :raises SpecError: it is not the ARN of a version.
    """
    match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None:
        raise SpecError(
            f"{arn!r} is not the ARN of a version of a model package group, e.g. "
            "arn:aws:sagemaker:eu-central-1:123456789012:model-package/abalone/3."
        )
    return match["group"], int(match["number"])


def version_name(arn: str | None) -> dict[str, Any] | None:
    """Group and number of a version as JSON; None where it is not the ARN of one."""
    match = _ARN.fullmatch(arn or "")
    return None if match is None else {"group": match["group"], "number": int(match["number"])}


def version_of(resource: Resource) -> ModelVersion | None:
    """The version that a ModelPackage resource tells of; None where it has none yet, or is being deleted."""
    arn = fields.arn(resource)
    match = _ARN.fullmatch(arn or "")
    if arn is None or match is None or fields.deleted(resource) is not None:
        return None
    return ModelVersion(
        arn=arn,
        group=match["group"],
        number=int(match["number"]),
        approval=fields.text(fields.spec(resource), "modelApprovalStatus"),
        status=fields.status_text(resource, "modelPackageStatus"),
        resource=fields.name(resource),
        metrics=metrics_of(resource),
    )


def versions_of(resources: Iterable[Resource], group: str) -> list[ModelVersion]:
    """The versions of a group, the newest first. Where several resources tell of one, it counts as approved only if all
    of them say so.
    """
    found: dict[int, ModelVersion] = {}
    for resource in resources:
        version = version_of(resource)
        if version is None or version.group != group:
            continue
        known = found.get(version.number)
        if known is None or (known.is_approved and not version.is_approved):
            found[version.number] = version
    return [found[number] for number in sorted(found, reverse=True)]


def newest_approved(resources: Iterable[Resource], group: str) -> ModelVersion | None:
    """The version to serve; None where none is approved."""
    return next((version for version in versions_of(resources, group) if version.is_approved), None)


def registered_by(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """ARNs of the versions that an execution has registered itself, in the order of its steps.

    :param steps: members of ListPipelineExecutionSteps.
    """
    found = []
    for step in steps:
        metadata = step.get("Metadata")
        made = metadata.get("RegisterModel") if isinstance(metadata, Mapping) else None
        arn = made.get("Arn") if isinstance(made, Mapping) else None
        if step.get("StepStatus") == "Succeeded" and isinstance(arn, str) and _ARN.fullmatch(arn):
            found.append(arn)
    return found


def client_token(identity: RunIdentity, attempt: int, tried: Try) -> str:
    """What makes CreateModelPackage idempotent: the controller's crash between two writes registers no second one. A
    run that was deleted and made again has another start: what the former one has registered is not taken for its own.
    """
    made_by = f"{identity.instance}{identity.text}{attempt}{tried.run_start or ''}"
    return hashlib.sha256(made_by.encode()).hexdigest()[:32]


def version_manifest(
    group: str,
    spec: Mapping[str, Any],
    namespace: str,
    identity: RunIdentity,
    *,
    attempt: int,
    tried: Try,
    metrics: Mapping[str, float] | None = None,
    execution: str | None = None,
    region: str | None = None,
) -> dict[str, Any]:
    """The ModelPackage of a new version, which waits for its approval.

    :param spec: ``spec`` of a ModelPackage without group, approval and token: most of all ``inferenceSpecification``.
    :param execution: ARN of the pipeline execution that has made the model.
    :raises SpecError: it has one of these.
    """
    for name in ("modelPackageGroupName", "modelPackageName", "modelApprovalStatus", "clientToken"):
        if name in spec:
            raise SpecError(f"The model package's spec has {name}, which is set for each version here: leave it out.")
    if not isinstance(group, str) or not group:
        raise SpecError(f"model_package_group {group!r} is not the name of a model package group.")
    return resource_manifest(
        "ModelPackage",
        identity.resource_name(group, attempt),
        namespace,
        {
            **spec,
            "modelPackageGroupName": group,
            "modelApprovalStatus": PENDING,
            "clientToken": client_token(identity, attempt, tried),
        },
        labels={**identity.labels(), LABEL_ATTEMPT: str(attempt), LABEL_GROUP: label_value(group)},
        annotations={
            **identity.annotations(),
            **_notes(metrics, execution, region),
            ANNOTATION_LAUNCHED_BY: tried.to_text(),
            ANNOTATION_DELETION_POLICY: "retain",
        },
    )


def adoption_manifest(
    arn: str,
    namespace: str,
    *,
    read_only: bool = False,
    identity: RunIdentity | None = None,
    metrics: Mapping[str, float] | None = None,
    execution: str | None = None,
    region: str | None = None,
) -> dict[str, Any]:
    """A ModelPackage resource for a version that SageMaker has already, such as one that a pipeline has registered.

    It never deletes the version. A read-only one only tells of it, for who has no right to ask SageMaker.

    :param identity: who adopts it. It is written down for people and pages only: every run finds it by its name.
    :param execution: ARN of the pipeline execution that has made the model.
    :param region: where the ARN has none: the controller finds a version in its own region only.
    :raises SpecError: it is not the ARN of a version.
    """
    group, number = parts_of(arn)
    region = arn.split(":")[3] or region
    tail = f"-v{number}{'-look' if read_only else ''}"
    return resource_manifest(
        "ModelPackage",
        f"{slug(group, 63 - len(tail))}{tail}",
        namespace,
        {},
        labels={LABEL_GROUP: label_value(group)},
        annotations={
            **(identity.annotations() if identity is not None else {}),
            **_notes(metrics, execution, region),
            ANNOTATION_ADOPTION_POLICY: "adopt",
            ANNOTATION_ADOPTION_FIELDS: json.dumps({"arn": arn}),
            ANNOTATION_DELETION_POLICY: "retain",
            **({ANNOTATION_READ_ONLY: "true"} if read_only else {}),
        },
    )


def is_adopted(resource: Resource) -> bool:
    """Whether the controller has taken over what the resource was to adopt: its spec is SageMaker's now."""
    return fields.annotation(resource, ANNOTATION_ADOPTED) == "true" and fields.arn(resource) is not None


def must_be_adopted_anew(live: Resource, manifest: Resource) -> bool:
    """Whether the controller will never adopt by this resource what it was made for: it was refused, or looks in
    another region. No change of its annotations makes it look again, and nothing is lost with it.
    """
    if is_adopted(live) or any(
        fields.annotation(live, key) != fields.annotation(manifest, key)
        for key in (ANNOTATION_ADOPTION_FIELDS, ANNOTATION_DELETION_POLICY)
    ):
        return False
    elsewhere = fields.annotation(live, ANNOTATION_REGION) != fields.annotation(manifest, ANNOTATION_REGION)
    return elsewhere or classify(live).state is State.REFUSED


def approval_patch(*, approved: bool, description: str, unlike: str | None = None) -> dict[str, Any]:
    """The JSON merge patch that approves or rejects a version.

    :param description: who has decided it and why; SageMaker keeps 1,024 characters.
    :param unlike: a description that it must differ from: what changes nothing, no controller looks at.
    """
    said = description[:_MAX_DESCRIPTION]
    if said == unlike:
        said = asked_again(said)
    return {"spec": {"modelApprovalStatus": APPROVED if approved else REJECTED, "approvalDescription": said}}


def asked_again(description: str) -> str:
    """The same words as another text, however often: what changes nothing, no controller looks at."""
    if description.endswith(_AGAIN) and description != _AGAIN:
        return description.removesuffix(_AGAIN)
    return f"{description[: _MAX_DESCRIPTION - len(_AGAIN)]}{_AGAIN}"


def _notes(metrics: Mapping[str, float] | None, execution: str | None, region: str | None) -> dict[str, str]:
    notes = {ANNOTATION_REGION: region, ANNOTATION_EXECUTION: execution}
    if metrics:
        notes[ANNOTATION_METRICS] = json.dumps(dict(metrics), sort_keys=True)
    return {key: value for key, value in notes.items() if value}
