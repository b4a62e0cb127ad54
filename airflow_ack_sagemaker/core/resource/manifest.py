"""Typed specs to Kubernetes manifests.

Sources: the CRDs of the ACK SageMaker controller; limits from the SageMaker API model (service ``sagemaker``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_ASKED,
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    ANNOTATION_LAUNCHED_BY,
    LABEL_ATTEMPT,
    LABEL_PIPELINE,
    MANAGED_BY,
    PREFIX,
    RunIdentity,
    label_value,
    pipeline_resource_name,
)
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, PIPELINE_EXECUTION, kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Try

ANNOTATION_REGION = "services.k8s.aws/region"
ANNOTATION_DELETION_POLICY = "services.k8s.aws/deletion-policy"
STOPPED_WITH_ITS_RESOURCE = {ANNOTATION_DELETION_POLICY: "delete"}
"""On what runs: its deletion is how it is stopped, also where namespace or controller have the policy "retain"."""
ANNOTATION_ADOPTION_POLICY = "services.k8s.aws/adoption-policy"
ANNOTATION_ADOPTION_FIELDS = "services.k8s.aws/adoption-fields"

_PIPELINE_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")
_DISPLAY_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}")
_MAX_DESCRIPTION = 3072
_MAX_SELECTED_STEPS = 50
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_PIPELINE_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:pipeline/(?P<name>.+)")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class SpecError(AckError, ValueError):
    """A value that Kubernetes or SageMaker is sure to refuse. The message says which, where and what is allowed."""


def check_pipeline_name(name: str) -> str:
    """The name, if SageMaker would take it.

    :raises SpecError: it would not.
    """
    if not isinstance(name, str) or not _PIPELINE_NAME.fullmatch(name) or len(name) > 256:
        raise SpecError(
            f"pipeline_name {_short(name)} is not a SageMaker pipeline name: 1 to 256 letters, digits and hyphens, "
            "beginning and ending with a letter or digit."
        )
    return name


def check_role_arn(arn: str) -> str:
    """The ARN of the pipeline's role, if SageMaker would take it.

    :raises SpecError: it would not.
    """
    if not isinstance(arn, str) or not _ROLE_ARN.fullmatch(arn) or not 20 <= len(arn) <= 2048:
        raise SpecError(
            f"role_arn {_short(arn)} is not the ARN of an IAM role, e.g. arn:aws:iam::123456789012:role/sagemaker."
        )
    return arn


def check_mapping(name: str, value: Any) -> Mapping[str, Any]:
    """The mapping; an empty one for None.

    :raises SpecError: it is something else, most often the text of a template.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SpecError(
            f"{name} must be a mapping of names to values, not {type(value).__name__} {_short(value)}. A template "
            "gives a text, unless the DAG has render_template_as_native_obj=True."
        )
    return value


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """The names; none for None.

    :raises SpecError: it is something else, most often the text of a template, whose letters would pass for names.
    """
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise SpecError(
            f"{name} must be a list of names, not {type(value).__name__} {_short(value)}. A template gives a text, "
            "unless the DAG has render_template_as_native_obj=True."
        )
    return tuple(value)


def runs_pipeline(resource: Mapping[str, Any], pipeline_name: str) -> bool:
    """Whether a PipelineExecution, whoever wrote it, is one of this pipeline's; it may name it by ARN."""
    return fields.pipeline_name(resource) == pipeline_name


def check_sha256(digest: str | None) -> str | None:
    """The digest in lower case; None for None or an empty string.

    :raises SpecError: it is none. A template that renders to a number must not pass for "no digest".
    """
    if digest is None or digest == "":
        return None
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest.strip()):
        raise SpecError(
            f"definition_sha256 {_short(digest)} is not a SHA-256 digest: 64 hexadecimal digits, as a string."
        )
    return digest.strip().lower()


def check_resource_name(name: str) -> str:
    """The name, if Kubernetes would take it for a resource.

    :raises SpecError: it would not.
    """
    if not isinstance(name, str) or not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        raise SpecError(
            f"resource_name {_short(name)} is not a Kubernetes name: 1 to 253 lower-case letters, digits, '-' and '.', "
            "beginning and ending with a letter or digit."
        )
    return name


def pipeline_name_of(reference: str) -> str:
    """The name of a pipeline that is given by name or ARN; ``PipelineExecution.spec.pipelineName`` takes both."""
    match = _PIPELINE_ARN.fullmatch(reference) if isinstance(reference, str) else None
    return check_pipeline_name(match["name"] if match else reference)


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A ``Pipeline``: what ``spec`` says, and what its annotations say about where the definition came from."""

    pipeline_name: str
    role_arn: str
    definition: str
    description: str | None = None
    display_name: str | None = None
    max_parallel_steps: int | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    resource_name: str | None = None
    region: str | None = None
    deletion_policy: str = "retain"
    adopt: bool = False
    definition_sha256: str | None = None
    definition_source: str | None = None
    definition_version_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The resource's name in Kubernetes."""
        return check_resource_name(
            self.resource_name or pipeline_resource_name(check_pipeline_name(self.pipeline_name))
        )

    def manifest(self, namespace: str) -> dict[str, Any]:
        """The resource to apply.

        :raises SpecError: a value that would be refused.
        """
        if self.deletion_policy not in ("retain", "delete"):
            raise SpecError(f"deletion_policy {self.deletion_policy!r} must be 'retain' or 'delete'.")
        if self.display_name is not None and not _is(self.display_name, _PIPELINE_NAME):
            raise SpecError(
                f"display_name {_short(self.display_name)} is not a SageMaker display name: 1 to 256 letters, digits "
                "and hyphens, beginning and ending with a letter or digit."
            )
        annotations = {
            ANNOTATION_DELETION_POLICY: self.deletion_policy,
            ANNOTATION_REGION: self.region,
            ANNOTATION_DEFINITION_SHA256: self.definition_sha256,
            ANNOTATION_DEFINITION_SOURCE: self.definition_source,
            ANNOTATION_DEFINITION_VERSION: self.definition_version_id,
        }
        if self.adopt:
            annotations[ANNOTATION_ADOPTION_POLICY] = "adopt-or-create"
            annotations[ANNOTATION_ADOPTION_FIELDS] = json.dumps({"pipelineName": self.pipeline_name})
        return {
            "apiVersion": API_VERSION,
            "kind": PIPELINE.kind,
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": {**self.labels, MANAGED_BY: PREFIX, LABEL_PIPELINE: label_value(self.pipeline_name)},
                "annotations": _given(annotations),
            },
            "spec": _given(
                {
                    "pipelineName": check_pipeline_name(self.pipeline_name),
                    "roleARN": check_role_arn(self.role_arn),
                    "pipelineDefinition": self.definition,
                    "pipelineDescription": _description(self.description),
                    "pipelineDisplayName": self.display_name,
                    "parallelismConfiguration": _parallelism(self.max_parallel_steps),
                    "tags": [{"key": key, "value": value} for key, value in sorted(_texts("tags", self.tags).items())]
                    or None,
                }
            ),
        }


@dataclass(frozen=True, slots=True)
class ExecutionSpec:
    """A ``PipelineExecution``. ``parameters`` are SageMaker's list of name and value, both strings; ``not_texts`` names
    those that the task was given as something else (`core.definition.given_as`).
    """

    pipeline_name: str
    parameters: Sequence[Mapping[str, str]] = ()
    display_name: str | None = None
    description: str | None = None
    max_parallel_steps: int | None = None
    pipeline_version_id: int | None = None
    selected_steps: Sequence[str] = ()
    source_execution_arn: str | None = None
    region: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    asked_sha256: str | None = None
    not_texts: frozenset[str] = frozenset()

    def asked(self) -> str:
        """Digest (hexadecimal) of what the task asks for: two tries that ask for the same have the same.

        The order of parameters counts for nothing.
        """
        content = [
            pipeline_name_of(self.pipeline_name),
            sorted((item["name"], item["value"]) for item in self.parameters),
            self.pipeline_version_id,
            sorted(self.selected_steps),
            self.source_execution_arn,
            self.max_parallel_steps,
            self.region,
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def manifest(self, namespace: str, identity: RunIdentity, *, attempt: int, tried: Try) -> dict[str, Any]:
        """The resource to create for one attempt of a run.

        The display name is the resource's own name unless one is given: unique in SageMaker, so that an execution that
        no resource owns can be told from one that does.

        :raises SpecError: a value that would be refused.
        """
        pipeline = pipeline_name_of(self.pipeline_name)
        name = identity.resource_name(pipeline, attempt)
        if self.display_name is not None and not _is(self.display_name, _DISPLAY_NAME):
            raise SpecError(
                f"display_name {_short(self.display_name)} is not a SageMaker display name: 1 to 82 letters, digits "
                "and hyphens, beginning and ending with a letter or digit."
            )
        if self.pipeline_version_id is not None and self.pipeline_version_id < 1:
            raise SpecError(f"pipeline_version_id {self.pipeline_version_id!r} must be an integer of at least 1.")
        selective = None
        if self.selected_steps:
            if len(self.selected_steps) > _MAX_SELECTED_STEPS:
                raise SpecError(
                    f"selected_steps has {len(self.selected_steps)} steps, more than the {_MAX_SELECTED_STEPS} that "
                    "SageMaker takes."
                )
            steps = [{"stepName": step} for step in self.selected_steps]
            selective = _given({"selectedSteps": steps, "sourcePipelineExecutionARN": self.source_execution_arn})
        elif self.source_execution_arn:
            raise SpecError(
                "source_execution_arn is given without selected_steps: name the steps to run from that execution."
            )
        return {
            "apiVersion": API_VERSION,
            "kind": PIPELINE_EXECUTION.kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {
                    **self.labels,
                    **identity.labels(),
                    LABEL_ATTEMPT: str(attempt),
                    LABEL_PIPELINE: label_value(pipeline),
                },
                "annotations": _given(
                    {
                        **STOPPED_WITH_ITS_RESOURCE,
                        **self.annotations,
                        **identity.annotations(),
                        ANNOTATION_LAUNCHED_BY: tried.to_text(),
                        ANNOTATION_ASKED: self.asked_sha256 or self.asked(),
                        ANNOTATION_REGION: self.region,
                    }
                ),
            },
            "spec": _given(
                {
                    "pipelineName": self.pipeline_name,
                    "pipelineExecutionDisplayName": self.display_name or name,
                    "pipelineExecutionDescription": _description(self.description),
                    "pipelineParameters": [dict(parameter) for parameter in self.parameters] or None,
                    "parallelismConfiguration": _parallelism(self.max_parallel_steps),
                    "pipelineVersionID": self.pipeline_version_id,
                    "selectiveExecutionConfig": selective,
                }
            ),
        }


def resource_manifest(
    kind: str,
    name: str,
    namespace: str,
    spec: Mapping[str, Any],
    *,
    labels: Mapping[str, Any],
    annotations: Mapping[str, Any],
    identity: RunIdentity | None = None,
    tried: Try | None = None,
    attempt: int | None = None,
) -> dict[str, Any]:
    """A resource of any kind of the controller.

    :param identity: the run that asks for it, with ``tried``, its try (and ``attempt``, where its name follows from the
        run). They are written on a job, which is one run's; anything else is kept and shared.
    :raises SpecError: a kind that the controller does not have, or a name that Kubernetes would refuse.
    """
    try:
        known = kind_of(kind)
    except ValueError as error:
        raise SpecError(str(error)) from None
    if not isinstance(spec, Mapping):
        raise SpecError(f"spec of {kind} {_short(name)} must be a mapping, not {type(spec).__name__}.")
    if known.is_job and identity is not None and tried is not None:
        labels = {**labels, **identity.labels(), **({} if attempt is None else {LABEL_ATTEMPT: str(attempt)})}
        noted = {**identity.annotations(), ANNOTATION_LAUNCHED_BY: tried.to_text()}
        annotations = {**STOPPED_WITH_ITS_RESOURCE, **annotations, **noted}
    return {
        "apiVersion": API_VERSION,
        "kind": known.kind,
        "metadata": {
            "name": check_resource_name(name),
            "namespace": namespace,
            "labels": {**_texts("labels", labels), MANAGED_BY: PREFIX},
            "annotations": _texts("annotations", annotations),
        },
        "spec": dict(spec),
    }


def _parallelism(steps: int | None) -> dict[str, int] | None:
    if steps is None:
        return None
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise SpecError(f"max_parallel_steps {steps!r} must be an integer of at least 1.")
    return {"maxParallelExecutionSteps": steps}


def _is(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _texts(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Labels or annotations, whose values Kubernetes takes as texts only. :raises SpecError: a value is none."""
    for key, value in values.items():
        if not isinstance(value, str | int | float):
            raise SpecError(f"{name}[{key!r}] must be a text, not {type(value).__name__} {_short(value)}.")
    return {key: value if isinstance(value, str) else str(value) for key, value in values.items()}


def _description(text: str | None) -> str | None:
    if text is not None and not isinstance(text, str):
        raise SpecError(f"description must be a text, not {type(text).__name__} {_short(text)}.")
    if text is not None and len(text) > _MAX_DESCRIPTION:
        raise SpecError(
            f"description has {len(text):,} characters, more than the {_MAX_DESCRIPTION:,} that SageMaker takes."
        )
    return text


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
