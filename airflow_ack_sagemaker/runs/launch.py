"""The requests of a launch: look for what earlier tries have made, create at most one resource, record and withdraw."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_RETRY_WHOLE, LABEL_RUN, LABEL_TASK, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.resource.times import parse_time
from airflow_ack_sagemaker.core.run.decision import Action, attempt_of, decide, report
from airflow_ack_sagemaker.core.run.retry_steps import StepRun, obstacle, retry_from, selective_of
from airflow_ack_sagemaker.kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Unreachable
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.collect import History, collect
from airflow_ack_sagemaker.runs.pipeline import DEFINITION_FACTS, KnownPipeline, look_up
from airflow_ack_sagemaker.runs.stop import KILL_SECONDS, confirm_all_stopped, stop_cleared

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

StepsOf = Callable[[Outcome], Sequence[StepRun]]
"""Asks SageMaker which steps an execution has run."""


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
    history: History | None = None,
    steps_of: StepsOf | None = None,
) -> Launch:
    """Attach to what this run has launched, or launch it.

    :param history: how much of the task's earlier runs stays, where something is launched; None: all.
    :param steps_of: given where a retry is to run only what failed: asked for the steps of the failed attempt.
    :raises SpecError: a value that Kubernetes or SageMaker would refuse.
    :raises DefinitionError: the parameters are not those of the pipeline's definition.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    spec.manifest(namespace, identity, attempt=1, first_try=first_try)  # bad input is said before anything is asked
    found = resources_of(client, namespace, identity, earlier_runs=history is not None and not history.unlimited)
    decision = decide([resource for resource in found if identity.owns(resource)], first_try=first_try)
    log.info("Decision: %s, because %s.", decision.action.value, decision.why)
    stop_cleared(client, decision, log=log)
    if decision.action is not Action.CREATE:
        return launched(decision.resource or {}, spec)
    pipeline = look_up(client, spec.pipeline_name, namespace, pipeline_resource_name, log)
    spec = pipeline.checked(spec)
    if decision.failed is not None and steps_of is not None:
        spec = _from_failed_step(spec, decision.failed, pipeline, steps_of, log)
    resource = create(client, spec, namespace, identity, attempt=decision.attempt, first_try=first_try, log=log)
    if history is not None and not history.unlimited:
        collect(client, [item for item in found if not identity.of_run(item)], history, namespace, log=log)
    return launched(resource, spec)


def resources_of(
    client: KubeClient, namespace: str, identity: RunIdentity, *, earlier_runs: bool = False
) -> list[dict[str, Any]]:
    """The PipelineExecutions of this run, or of all runs of its task: one request either way.

    The label's value is a digest: ask `RunIdentity.owns` or `RunIdentity.of_run` whose each is.
    """
    selector = f"{LABEL_TASK}={identity.task_digest}" if earlier_runs else f"{LABEL_RUN}={identity.digest}"
    return client.list(PIPELINE_EXECUTION, namespace, label_selector=selector).items


def create(
    client: KubeClient,
    spec: ExecutionSpec,
    namespace: str,
    identity: RunIdentity,
    *,
    attempt: int,
    first_try: int,
    log: Log,
) -> dict[str, Any]:
    """Create the resource of one attempt, or get the one that an earlier request of this very run has created.

    :raises KubeError: the cluster refuses it, or the name belongs to something else.
    """
    manifest = spec.manifest(namespace, identity, attempt=attempt, first_try=first_try)
    name = manifest["metadata"]["name"]
    try:
        resource = client.create(PIPELINE_EXECUTION, manifest)
        log.info("Created %s/%s in namespace %s.", PIPELINE_EXECUTION.singular, name, namespace)
    except (AlreadyExists, Unreachable) as error:
        # Another process of this very run was faster, or the reply was lost: whether it is ours is written on it.
        resource = _existing(client, name, namespace, identity, error)
        log.info("%s/%s was created by an earlier request of this run.", PIPELINE_EXECUTION.singular, name)
    return resource


def stop_run(client: KubeClient, namespace: str, identity: RunIdentity, *, log: Log) -> int:
    """Delete all of this run that has not ended, which stops it; what was begun in this very moment, too.

    :returns: how many were deleted.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    stopping: list[Outcome] = []
    for resource in resources_of(client, namespace, identity):
        outcome = classify(resource)
        if not identity.of_run(resource) or outcome.finished or outcome.state is State.DELETING:
            continue
        log.info("A user has ended the task: deleting %s, which stops it.", outcome.resource)
        try:
            client.delete(PIPELINE_EXECUTION, outcome.name, namespace, uid=outcome.uid)
        except (NotFound, Conflict):
            continue
        except KubeError as error:  # the others are stopped all the same
            log.warning("%s could not be stopped and runs on: %s", outcome.resource, error)
            continue
        stopping.append(outcome)
    confirm_all_stopped(client, stopping, log=log, seconds=KILL_SECONDS)
    return len(stopping)


def record(client: KubeClient, outcome: Outcome, *, try_number: int, log: Log) -> None:
    """Write on the resource that its end was told to Airflow, so that the next try does not tell it again.

    What cannot be written is no reason to hide the outcome: a retry then reports the same end once more, which costs a
    try and never an execution.
    """
    try:
        body = report(outcome, try_number=try_number, now=time.time())
        client.patch(PIPELINE_EXECUTION, outcome.name, body, outcome.namespace)
    except NotFound:
        log.info("%s is gone already.", outcome.resource)
    except KubeError as error:
        log.warning("Cannot record on %s that it was reported: %s", outcome.resource, error)


def withdraw(client: KubeClient, outcome: Outcome, *, log: Log, even_if_started: bool = False) -> Outcome | None:
    """Delete a resource that is given up, unless a controller has taken it up in the meantime.

    :param even_if_started: delete it all the same; the controller stops what runs.
    :returns: how it stands if it was taken up, or has ended, and is therefore left alone; None if it is withdrawn.
    """
    try:
        live = client.get(kind_of(outcome.kind), outcome.name, outcome.namespace)
        now = classify(live)
        if now.uid != outcome.uid:
            return None
        if now.finished:
            log.info("%s has ended in the meantime: %s.", outcome.resource, now.state)
            return now
        # A controller that has taken it up may start it before its first word about it: only its finalizer tells.
        if (now.started or now.state is State.IN_PROGRESS) and not even_if_started:
            log.info("%s has been taken up after all.", outcome.resource)
            return now
        client.delete(
            kind_of(outcome.kind),
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
    except KubeError as error:  # must not hide why it was given up
        log.warning("Cannot withdraw %s, it may still start later; a retry attaches: %s", outcome.resource, error)
    return None


def launched(resource: Mapping[str, Any], spec: ExecutionSpec) -> Launch:
    """What a task's result says about an execution beside its outcome."""
    annotations = resource["metadata"].get("annotations") or {}
    live = resource.get("spec") or {}
    facts: dict[str, Any] = {
        "pipeline_name": live.get("pipelineName", spec.pipeline_name),
        "attempt": attempt_of(resource),
        "parameters": {item["name"]: item["value"] for item in live.get("pipelineParameters") or ()},
    }
    facts.update({fact: annotations.get(annotation) for fact, annotation in DEFINITION_FACTS.items()})
    if (selective := selective_of(resource)) is not None:
        facts |= {"selected_steps": list(selective.steps), "source_execution_arn": selective.source_arn}
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


def _from_failed_step(
    spec: ExecutionSpec, failed: Mapping[str, Any], pipeline: KnownPipeline, steps_of: StepsOf, log: Log
) -> ExecutionSpec:
    """The spec limited to what the failed attempt has not done; as it is, with a line that says why, where that cannot
    be.
    """
    outcome = classify(failed)
    why: str | None = "the definition that it ran is not known"
    if pipeline.definition is not None:
        why = obstacle(
            failed,
            parameters={item["name"]: item["value"] for item in spec.parameters},
            pipeline_version_id=spec.pipeline_version_id,
            definition_sha256=pipeline.definition.sha256,
        )
        if why is None:
            types = {step.name: step.type for step in pipeline.definition.steps}
            try:
                runs = steps_of(outcome)
            except Exception as error:  # whatever a connection or SageMaker says: the whole pipeline can be run
                selective, why = None, f"SageMaker cannot be asked for its steps: {error}"
            else:
                selective, why = retry_from(failed, runs, pipeline.definition.graph, types=types)
            if selective is not None:
                log.info("Retrying from the failed step of %s: %s (%s).", outcome.name, ", ".join(selective.steps), why)
                return replace(spec, selected_steps=selective.steps, source_execution_arn=selective.source_arn)
    log.info("Retrying the whole pipeline, not from the failed step of %s: %s.", outcome.name, why)
    return spec


def remember_whole(client: KubeClient, identity: RunIdentity, namespace: str, *, why: str, log: Log) -> None:
    """Write on this run's newest failed attempt that a selective retry of it was given up: the next one runs it all."""
    mine = [item for item in resources_of(client, namespace, identity) if identity.owns(item)]
    failed = [item for item in mine if classify(item).state is State.FAILED]
    if failed:
        name = max(failed, key=attempt_of)["metadata"]["name"]
        body = {"metadata": {"annotations": {ANNOTATION_RETRY_WHOLE: why}}}
        try:
            client.patch(PIPELINE_EXECUTION, name, body, namespace)
        except KubeError as error:
            log.warning("Cannot record on pipelineexecution/%s that its retry is to run it all: %s", name, error)
