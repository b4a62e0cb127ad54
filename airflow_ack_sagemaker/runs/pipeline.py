"""What a launch must know of the pipeline: that it is synced with SageMaker, and which parameters it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.definition.given_as import strings_given_otherwise
from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, parse_definition
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import answer_note, generation_of, observe
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    ANNOTATION_GENERATION,
    pipeline_resource_name,
)
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State
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


class NotSynced(KubeError):
    """The Pipeline resource is not in SageMaker as it stands. ``outcome`` is the resource's."""

    def __init__(self, text: str, outcome: Outcome) -> None:
        super().__init__(text)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class KnownPipeline:
    """What the Pipeline resource says; empty where the namespace has none that may be read.

    ``forbidden``: Airflow may not read it, so that nothing about it can be checked.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    definition: Definition | None = None
    resource: Resource | None = field(default=None, repr=False)
    forbidden: bool = False

    @property
    def sha256(self) -> str | None:
        """Digest of the definition's canonical text, where it is known."""
        return None if self.definition is None else self.definition.sha256

    def runs(self, sha256: str) -> bool:
        """Whether an execution launched now runs the definition of this digest, as far as may be known."""
        return self.forbidden or self.sha256 == sha256

    def checked(self, spec: ExecutionSpec) -> ExecutionSpec:
        """The spec with the pipeline's annotations and its parameters in the definition's order.

        :raises DefinitionError: the parameters are not those of the definition.
        """
        # What the Pipeline says is its latest version.
        annotations = self.annotations if spec.pipeline_version_id is None else {}
        spec = replace(
            spec, annotations={**spec.annotations, **annotations}, asked_sha256=spec.asked_sha256 or spec.asked()
        )
        if self.definition is None:
            return spec
        values = {item["name"]: item["value"] for item in spec.parameters}
        return replace(spec, parameters=self.definition.launch_parameters(values))

    def tell_of_numbers(self, specs: Iterable[ExecutionSpec], log: Log) -> None:
        """Say in one line which String parameters of some launches were given as something else."""
        if self.definition is None:
            return
        from airflow_ack_sagemaker.compat import masked_parameters  # the command line reads pipelines without Airflow

        launches = ((spec.not_texts, spec.parameters) for spec in specs)
        if line := strings_given_otherwise(self.definition.parameters, launches, masked_parameters):
            log.warning("%s", line)


def look_up(
    client: KubeClient,
    reference: str,
    namespace: str,
    resource_name: str | None,
    log: Log,
    *,
    observed: Callable[[Resource], Outcome] = observe,
) -> KnownPipeline:
    """Read the Pipeline resource, where this namespace has one.

    The controller refuses an execution for ever whose pipeline SageMaker does not have yet, so it is not even asked
    for.

    :param reference: name or ARN of the pipeline.
    :param resource_name: name of its resource; None: the pipeline's name in lower case.
    :param observed: reads how it stands. A success of which a later write could raise a doubt is written down.
    :raises NotSynced: SageMaker does not have it as it stands.
    :raises KubeError: the cluster cannot be asked.
    """
    pipeline_name = pipeline_name_of(reference)
    try:
        pipeline = client.get(PIPELINE, resource_name or pipeline_resource_name(pipeline_name), namespace)
    except (NotFound, Forbidden) as error:
        log.info(
            "No Pipeline resource to check against (%s): parameters and state are left to SageMaker.",
            type(error).__name__,
        )
        return KnownPipeline(forbidden=isinstance(error, Forbidden))
    if fields.spec(pipeline).get("pipelineName") != pipeline_name:
        return KnownPipeline()
    outcome = observed(pipeline)
    if outcome.state is not State.SUCCEEDED:
        raise NotSynced(
            f"{outcome.resource} is not synced with SageMaker yet ({outcome.state}: "
            f"{outcome.reason or 'no reason given'}). An execution launched now would be refused for ever or run an "
            "older definition, so nothing was launched. Let AckPipelineOperator or AckPipelineSensor run before this "
            "task.",
            outcome,
        )
    note_answer(client, pipeline, log)
    annotations = fields.annotations_of(pipeline)
    kept = {name: annotations[name] for name in DEFINITION_FACTS.values() if name in annotations}
    kept[ANNOTATION_GENERATION] = generation_of(pipeline)
    source = f"the definition of {outcome.resource}"
    try:
        definition = parse_definition(fields.spec(pipeline).get("pipelineDefinition") or "", source=source, filled=True)
    except DefinitionError as error:
        # SageMaker has accepted it: what is launched is checked by SageMaker, too.
        log.warning("Parameters are not checked beforehand: %s", error)
        return KnownPipeline(kept, resource=pipeline)
    # The digest is that of the text itself: somebody may have changed it and left the annotation.
    return KnownPipeline({**kept, ANNOTATION_DEFINITION_SHA256: definition.sha256}, definition, pipeline)


def note_answer(client: KubeClient, pipeline: Resource, log: Log) -> None:
    """Write down that the Pipeline, as it was read, is in SageMaker: whoever owns its spec may change a label next."""
    if not (note := answer_note(pipeline)):
        return
    try:
        client.patch(PIPELINE, fields.name(pipeline), {"metadata": {"annotations": note}}, fields.namespace(pipeline))
    except KubeError as error:  # it is so all the same; a later look may have to ask SageMaker
        log.info("Cannot write on pipeline/%s that it is in SageMaker: %s", fields.name(pipeline), error)


def asked_at_last(
    client: KubeClient,
    outcome: Outcome,
    *,
    observed: Callable[[Resource], Outcome],
    log: Log,
) -> Outcome:
    """How a Pipeline stands, of which no answer was seen in time: an answer that meets another write is lost.

    :param observed: reads how it stands.
    :returns: the same, unless it is in SageMaker.
    :raises KubeError: the cluster cannot be asked.
    """
    try:
        pipeline = client.get(PIPELINE, outcome.name, outcome.namespace)
    except NotFound:
        return outcome
    if fields.uid(pipeline) != outcome.uid or (now := observed(pipeline)).state is not State.SUCCEEDED:
        return outcome
    note_answer(client, pipeline, log)
    return now
