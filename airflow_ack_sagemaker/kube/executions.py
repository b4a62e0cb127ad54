"""The requests of a launch: look for what earlier tries have made, create at most one resource, record and withdraw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.kube.errors import AlreadyExists, Conflict, Forbidden, KubeError, NotFound, Unreachable
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.kube.stopping import stop_cleared
from airflow_ack_sagemaker.model.definition import DefinitionError, parse_definition
from airflow_ack_sagemaker.model.freshness import observe, parse_time
from airflow_ack_sagemaker.model.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_RUN,
    RunIdentity,
    pipeline_resource_name,
)
from airflow_ack_sagemaker.model.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.model.launch import Action, attempt_of, decide, report
from airflow_ack_sagemaker.model.manifest import pipeline_name_of
from airflow_ack_sagemaker.model.status import Outcome, State, classify

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.model.manifest import ExecutionSpec

_DEFINITION_FACTS = {
    "definition_sha256": ANNOTATION_DEFINITION_SHA256,
    "definition_source": ANNOTATION_DEFINITION_SOURCE,
    "definition_version_id": ANNOTATION_DEFINITION_VERSION,
}


@dataclass(frozen=True, slots=True)
class Launch:
    """An execution that this try follows. ``facts`` go into the task's result; ``created`` is Unix time in seconds."""

    outcome: Outcome
    facts: dict[str, Any] = field(default_factory=dict)
    created: float | None = None


def launch(
    client: KubeClient,
    spec: ExecutionSpec,
    namespace: str,
    identity: RunIdentity,
    *,
    first_try: int,
    pipeline_resource_name: str | None,
    log: Log,
) -> Launch:
    """Attach to what this run has launched, or launch it.

    :raises SpecError: a value that Kubernetes or SageMaker would refuse.
    :raises DefinitionError: the parameters are not those of the pipeline's definition.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    spec.manifest(namespace, identity, attempt=1, first_try=first_try)  # bad input is said before anything is asked
    mine = [
        resource
        for resource in client.list(
            PIPELINE_EXECUTION, namespace, label_selector=f"{LABEL_RUN}={identity.digest}"
        ).items
        if identity.owns(resource)
    ]
    decision = decide(mine, first_try=first_try)
    log.info("Decision: %s, because %s.", decision.action.value, decision.why)
    stop_cleared(client, decision, log=log)
    if decision.action is not Action.CREATE:
        return _launched(decision.resource or {}, spec)
    spec = _checked_against_pipeline(client, spec, namespace, pipeline_resource_name, log)
    manifest = spec.manifest(namespace, identity, attempt=decision.attempt, first_try=first_try)
    name = manifest["metadata"]["name"]
    try:
        created = client.create(PIPELINE_EXECUTION, manifest)
        log.info("Created %s/%s in namespace %s.", PIPELINE_EXECUTION.singular, name, namespace)
    except (AlreadyExists, Unreachable) as error:
        # Another process of this very run was faster, or the reply was lost: whether it is ours is written on it.
        created = _existing(client, name, namespace, identity, error)
        log.info("%s/%s was created by an earlier request of this run.", PIPELINE_EXECUTION.singular, name)
    return _launched(created, spec)


def record(client: KubeClient, outcome: Outcome, *, try_number: int, log: Log) -> None:
    """Write on the resource that its end was told to Airflow, so that the next try does not tell it again.

    What cannot be written is no reason to hide the outcome: a retry then reports the same end once more, which costs a
    try and never an execution.
    """
    try:
        client.patch(PIPELINE_EXECUTION, outcome.name, report(outcome, try_number=try_number), outcome.namespace)
    except NotFound:
        log.info("%s is gone already.", outcome.resource)
    except KubeError as error:
        log.warning("Cannot record on %s that it was reported: %s", outcome.resource, error)


def withdraw(client: KubeClient, outcome: Outcome, *, log: Log, even_if_started: bool = False) -> Outcome | None:
    """Delete a resource that is given up, unless it has started in the meantime.

    :param even_if_started: delete it all the same; the controller stops what runs.
    :returns: how it stands if it has started and is therefore left alone; None if it is withdrawn.
    """
    try:
        live = client.get(PIPELINE_EXECUTION, outcome.name, outcome.namespace)
        now = classify(live)
        if now.uid != outcome.uid:
            return None
        if now.started and not even_if_started:
            log.info("%s has started after all.", outcome.resource)
            return now
        client.delete(
            PIPELINE_EXECUTION,
            outcome.name,
            outcome.namespace,
            uid=now.uid,
            # The controller may start it between our look and our delete; then the version differs.
            resource_version=None if even_if_started else live["metadata"]["resourceVersion"],
        )
        log.info("Withdrew %s, so that it does not start later, unheard.", outcome.resource)
    except NotFound:
        return None
    except Conflict:
        return withdraw(client, outcome, log=log, even_if_started=even_if_started)
    except Forbidden as error:
        log.warning("Cannot withdraw %s, it may still start later: %s", outcome.resource, error)
    return None


def _launched(resource: Mapping[str, Any], spec: ExecutionSpec) -> Launch:
    annotations = resource["metadata"].get("annotations") or {}
    live = resource.get("spec") or {}
    facts: dict[str, Any] = {
        "pipeline_name": live.get("pipelineName", spec.pipeline_name),
        "attempt": attempt_of(resource),
        "parameters": {item["name"]: item["value"] for item in live.get("pipelineParameters") or ()},
    }
    facts.update({fact: annotations.get(annotation) for fact, annotation in _DEFINITION_FACTS.items()})
    return Launch(classify(resource), facts, parse_time(resource["metadata"]["creationTimestamp"]).timestamp())


def _existing(client: KubeClient, name: str, namespace: str, identity: RunIdentity, error: KubeError) -> dict[str, Any]:
    try:
        existing = client.get(PIPELINE_EXECUTION, name, namespace)
    except NotFound:
        raise error from None
    if not identity.owns(existing):
        raise KubeError(
            f"pipelineexecution/{name} (namespace {namespace}) exists already and belongs to something else than "
            f"{identity.text}: nothing "
            "was launched. Delete it, or give this Airflow a namespace of its own."
        ) from error
    return existing


def _checked_against_pipeline(
    client: KubeClient, spec: ExecutionSpec, namespace: str, resource_name: str | None, log: Log
) -> ExecutionSpec:
    """The spec with what the Pipeline resource says, where this namespace has one: it must be synced and have these
    parameters.

    An execution of a pipeline that SageMaker does not have yet is refused for ever by the controller, so it is not even
    asked for.
    """
    pipeline_name = pipeline_name_of(spec.pipeline_name)
    try:
        pipeline = client.get(PIPELINE, resource_name or pipeline_resource_name(pipeline_name), namespace)
    except (NotFound, Forbidden) as error:
        log.info(
            "No Pipeline resource to check against (%s): parameters and state are left to SageMaker.",
            type(error).__name__,
        )
        return spec
    content = pipeline.get("spec") or {}
    if content.get("pipelineName") != pipeline_name:
        return spec
    outcome = observe(pipeline)
    if outcome.state is not State.SUCCEEDED:
        raise KubeError(
            f"{outcome.resource} is not synced with SageMaker yet ({outcome.state}: "
            f"{outcome.reason or 'no reason given'}), and an execution launched now would be lost for ever or run an "
            "older definition: nothing was launched. Let AckPipelineOperator or AckPipelineSensor run before this task."
        )
    annotations = pipeline["metadata"].get("annotations") or {}
    kept = {name: annotations[name] for name in _DEFINITION_FACTS.values() if name in annotations}
    source = f"the definition of {outcome.resource}"
    try:
        definition = parse_definition(content.get("pipelineDefinition") or "", source=source)
    except DefinitionError as error:
        # SageMaker has accepted it: what is launched is checked by SageMaker, too.
        log.warning("Parameters are not checked beforehand: %s", error)
        return replace(spec, annotations=kept)
    values = {item["name"]: item["value"] for item in spec.parameters}
    return replace(spec, annotations=kept, parameters=definition.launch_parameters(values))
