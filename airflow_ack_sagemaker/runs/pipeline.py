"""What a launch must know of the pipeline: that it is synced with SageMaker, and which parameters it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, parse_definition
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    pipeline_resource_name,
)
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
from airflow_ack_sagemaker.core.resource.status import State
from airflow_ack_sagemaker.kube.errors import Forbidden, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

DEFINITION_FACTS = {
    "definition_sha256": ANNOTATION_DEFINITION_SHA256,
    "definition_source": ANNOTATION_DEFINITION_SOURCE,
    "definition_version_id": ANNOTATION_DEFINITION_VERSION,
}
"""Key in a task's result -> annotation of the resources."""


@dataclass(frozen=True, slots=True)
class KnownPipeline:
    """What the Pipeline resource says; empty where the namespace has none that may be read."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    definition: Definition | None = None

    def checked(self, spec: ExecutionSpec) -> ExecutionSpec:
        """The spec with the pipeline's annotations and its parameters in the definition's order.

        :raises DefinitionError: the parameters are not those of the definition.
        """
        spec = replace(spec, annotations={**spec.annotations, **self.annotations})
        if self.definition is None:
            return spec
        values = {item["name"]: item["value"] for item in spec.parameters}
        return replace(spec, parameters=self.definition.launch_parameters(values))


def look_up(client: KubeClient, reference: str, namespace: str, resource_name: str | None, log: Log) -> KnownPipeline:
    """Read the Pipeline resource, where this namespace has one.

    An execution of a pipeline that SageMaker does not have yet is refused for ever by the controller, so it is not even
    asked for.

    :param reference: name or ARN of the pipeline.
    :param resource_name: name of its resource; None: the pipeline's name in lower case.
    :raises KubeError: it is not synced, or the cluster cannot be asked.
    """
    pipeline_name = pipeline_name_of(reference)
    try:
        pipeline = client.get(PIPELINE, resource_name or pipeline_resource_name(pipeline_name), namespace)
    except (NotFound, Forbidden) as error:
        log.info(
            "No Pipeline resource to check against (%s): parameters and state are left to SageMaker.",
            type(error).__name__,
        )
        return KnownPipeline()
    content = pipeline.get("spec") or {}
    if content.get("pipelineName") != pipeline_name:
        return KnownPipeline()
    outcome = observe(pipeline)
    if outcome.state is not State.SUCCEEDED:
        raise KubeError(
            f"{outcome.resource} is not synced with SageMaker yet ({outcome.state}: "
            f"{outcome.reason or 'no reason given'}), and an execution launched now would be lost for ever or run an "
            "older definition: nothing was launched. Let AckPipelineOperator or AckPipelineSensor run before this task."
        )
    annotations = pipeline["metadata"].get("annotations") or {}
    kept = {name: annotations[name] for name in DEFINITION_FACTS.values() if name in annotations}
    source = f"the definition of {outcome.resource}"
    try:
        definition = parse_definition(content.get("pipelineDefinition") or "", source=source, filled=True)
        # Of the text itself: somebody may have changed it and left the annotation.
        return KnownPipeline({**kept, ANNOTATION_DEFINITION_SHA256: definition.sha256}, definition)
    except DefinitionError as error:
        # SageMaker has accepted it: what is launched is checked by SageMaker, too.
        log.warning("Parameters are not checked beforehand: %s", error)
        return KnownPipeline(kept)
