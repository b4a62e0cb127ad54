"""A launch: look for what earlier tries have made, then attach, take, or create at most one resource."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker import metrics
from airflow_ack_sagemaker.compat import masked_parameters
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_GENERATION
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Relation, relation_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines
from airflow_ack_sagemaker.core.run.decision import Action, Decision, attempt_of, decide
from airflow_ack_sagemaker.core.run.ownership import check_ours, check_pipeline, difference
from airflow_ack_sagemaker.core.run.retry_steps import selective_of
from airflow_ack_sagemaker.core.run.stopping import is_given_up
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.errors import AlreadyExists, KubeError, NotFound, Unreachable
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.apply import apply_resource
from airflow_ack_sagemaker.runs.collect import History, collect
from airflow_ack_sagemaker.runs.definition import OwnDefinition, mark, taken, unproven
from airflow_ack_sagemaker.runs.lease import held
from airflow_ack_sagemaker.runs.look import Run, resources_of
from airflow_ack_sagemaker.runs.pipeline import DEFINITION_FACTS, KnownPipeline, NotSynced, asked_at_last, look_up
from airflow_ack_sagemaker.runs.retry_steps import StepsOf, from_failed_step
from airflow_ack_sagemaker.runs.stop import stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

_SYNC_SECONDS = 120.0
"""How long a definition of one's own may take to be answered by the controller before the next try goes on."""
_ROUNDS = 5
"""Launches that may meet another's definition; somebody who does not respect the lease writes all the time."""


@dataclass(frozen=True, slots=True)
class Launch:
    """An execution that this try follows.

    ``facts`` go into the task's result. ``new`` tells one that this try has created itself just now. ``generation`` is
    that of the Pipeline at the launch (`core.resource.freshness.generation_of`).
    """

    outcome: Outcome
    facts: dict[str, Any] = field(default_factory=dict)
    new: bool = False
    generation: str | None = None


def launch(
    client: KubeClient,
    spec: ExecutionSpec,
    run: Run,
    *,
    pipeline_resource_name: str | None,
    log: Log,
    history: History | None = None,
    steps_of: StepsOf | None = None,
    own: OwnDefinition | None = None,
    observed: Callable[[Resource], Outcome] = observe,
) -> Launch:
    """Attach to what this run has launched, or launch it.

    :param history: how much of the task's earlier runs stays, where something is launched; None: all.
    :param steps_of: given where a retry is to run only what failed: asked for the steps of the failed attempt.
    :param own: the definition that this run has applied, which the execution must run; None: whichever there is.
    :param observed: reads how the Pipeline stands.
    :raises SpecError: a value that Kubernetes or SageMaker would refuse, or a resource that is not this run's.
    :raises DefinitionError: the parameters are not those of the pipeline's definition.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    # Bad input is said before anything is asked.
    spec.manifest(run.namespace, run.identity, attempt=1, tried=run.tried)
    earlier_runs = history is not None and not history.unlimited
    found = resources_of(client, run.namespace, run.identity, earlier_runs=earlier_runs)
    mine = [resource for resource in found if run.identity.owns(resource)]
    for resource in mine:
        check_ours(resource, run.identity)
    decision = decide(mine, run.tried, first_attempt=run.first_attempt)
    log.info("Decision: %s, because %s.", decision.action.value, decision.why)
    for other in decision.left_alone:
        log.warning("%s runs on: another run of this id, or another Airflow, has launched it.", other.resource)
    attempt = decision.attempt
    if decision.action is not Action.CREATE:
        if (attached := _go_on(client, decision, spec, own, log)) is not None:
            metrics.reattached(PIPELINE_EXECUTION.kind)
            return attached
        attempt += 1
    elif decision.outcome is not None:
        stop(client, [decision.outcome], why="The task was cleared", log=log)

    def prepared(pipeline: KnownPipeline) -> ExecutionSpec:
        checked = pipeline.checked(spec)
        pipeline.tell_of_numbers([checked], log)
        if decision.failed is None or steps_of is None:
            return checked
        return from_failed_step(checked, decision.failed, pipeline, steps_of, log)

    name, resource_name = spec.pipeline_name, pipeline_resource_name
    resource = start(client, run, attempt, prepared, name, resource_name, own=own, observed=observed, log=log)
    if history is not None and earlier_runs:
        collect(client, [item for item in found if not run.identity.of_run(item)], history, run.namespace, log=log)
    return launched(resource, spec, new=True)


def start(
    client: KubeClient,
    run: Run,
    attempt: int,
    prepared: Callable[[KnownPipeline], ExecutionSpec],
    pipeline_name: str,
    pipeline_resource_name: str | None,
    *,
    own: OwnDefinition | None,
    observed: Callable[[Resource], Outcome],
    log: Log,
) -> dict[str, Any]:
    """Create the resource of one attempt, with this run's definition where it has one.

    :param prepared: the spec, given what is known of the pipeline.
    """
    resource_name = own.fixed.resource_name if own is not None else pipeline_resource_name
    try:
        pipeline = look_up(client, pipeline_name, run.namespace, resource_name, log, observed=observed)
    except NotSynced:
        if own is None:
            raise
        pipeline = None
    if pipeline is not None and (own is None or pipeline.runs(own.fixed.sha256)):
        return create(client, prepared(pipeline), run, attempt=attempt, log=log)
    assert own is not None
    resource: dict[str, Any] = {}

    def once(pipeline: KnownPipeline) -> bool:
        nonlocal resource, attempt
        resource = create(client, prepared(pipeline), run, attempt=attempt, log=log)
        live = taken(client, resource, log=log)
        if live is None:
            return True  # nobody has started it: the check follows when somebody does
        if not (doubtful := unproven(client, [live], own, run.namespace, log=log)):
            mark(client, classify(live), own.fixed.sha256, log=log)
            return True
        stop(client, doubtful, why="It may run another's definition", log=log)
        attempt += 1
        return False

    with_own_definition(client, run, own, once, pipeline_name, observed=observed, log=log)
    return resource


def with_own_definition(
    client: KubeClient,
    run: Run,
    own: OwnDefinition,
    once: Callable[[KnownPipeline], bool],
    pipeline_name: str,
    *,
    observed: Callable[[Resource], Outcome],
    log: Log,
) -> None:
    """Apply this run's definition and launch, while nobody else of this package changes the Pipeline.

    :param once: launches, and says whether all of it surely runs this definition.
    :raises KubeError: somebody changes the Pipeline again and again; nothing of this run's launches runs then.
    """
    log.info("The Pipeline has another definition by now: it is applied again for this run, and then launched.")
    for _ in range(_ROUNDS):
        with held(client, own.fixed.resource_name, run.namespace, by=run.identity.text, log=log) as turn:
            manifest = own.again().manifest(run.namespace)
            applied = apply_resource(client, PIPELINE, manifest, log=log, turn=turn, observed=observed)
            until_synced(client, applied.outcome, observed=observed, log=log)
            pipeline = look_up(client, pipeline_name, run.namespace, own.fixed.resource_name, log, observed=observed)
            if pipeline.sha256 == own.fixed.sha256 and once(pipeline):
                return
    raise KubeError(
        f"pipeline/{own.fixed.resource_name} (namespace {run.namespace}) was changed by somebody else each of the "
        f"{_ROUNDS} times that this run was about to launch with its own definition. Nothing of it runs. Find the "
        "other writer (kubectl get --show-managed-fields), or give this DAG a pipeline of its own."
    )


def create(client: KubeClient, spec: ExecutionSpec, run: Run, *, attempt: int, log: Log) -> dict[str, Any]:
    """Create the resource of one attempt, or get the one that an earlier request of this very run has created.

    :raises SpecError: the name belongs to something else.
    :raises KubeError: the cluster refuses it, or the name belongs to something else.
    """
    manifest = spec.manifest(run.namespace, run.identity, attempt=attempt, tried=run.tried)
    name = manifest["metadata"]["name"]
    try:
        resource = client.create(PIPELINE_EXECUTION, manifest)
        log.info("Created %s/%s in namespace %s.", PIPELINE_EXECUTION.singular, name, run.namespace)
        metrics.launched(PIPELINE_EXECUTION.kind)
    except (AlreadyExists, Unreachable) as error:
        # Another process of this very run was faster, or the reply was lost: whether it is ours is written on it.
        resource = _existing(client, name, run, error)
        log.info("%s/%s was created by an earlier request of this run.", PIPELINE_EXECUTION.singular, name)
    return resource


def launched(resource: Resource, spec: ExecutionSpec, *, new: bool = False) -> Launch:
    """What a task's result says about an execution beside its outcome."""
    facts: dict[str, Any] = {
        "pipeline_name": fields.spec(resource).get("pipelineName", spec.pipeline_name),
        "attempt": attempt_of(resource),
        "parameters": fields.parameters(resource),
    }
    facts.update({fact: fields.annotation(resource, name) for fact, name in DEFINITION_FACTS.items()})
    if (selective := selective_of(resource)) is not None:
        facts |= {"selected_steps": list(selective.steps), "source_execution_arn": selective.source_arn}
    return Launch(classify(resource), facts, new, fields.annotation(resource, ANNOTATION_GENERATION))


def _go_on(
    client: KubeClient, decision: Decision, spec: ExecutionSpec, own: OwnDefinition | None, log: Log
) -> Launch | None:
    """Attach to, or take, what an earlier try has launched; None: it is stopped, since it may not be this run's."""
    resource, outcome = decision.resource, decision.outcome
    assert resource is not None
    assert outcome is not None
    check_pipeline(resource, spec.pipeline_name)
    if (said := difference(resource, spec, masked_parameters)) is not None:
        log.warning(
            "This try goes on with %s, which an earlier try has launched. It was asked for: %s.", outcome.name, said
        )
    # One that SageMaker has not taken yet is looked at when it has.
    if own is None or not outcome.started or is_given_up(outcome):
        return launched(resource, spec)
    if not unproven(client, [resource], own, outcome.namespace, log=log):
        return launched(resource, spec)
    if not outcome.finished:
        stop(client, [outcome], why="It may run another's definition", log=log)
    return None


def _existing(client: KubeClient, name: str, run: Run, error: KubeError) -> dict[str, Any]:
    try:
        existing = client.get(PIPELINE_EXECUTION, name, run.namespace)
    except NotFound:
        raise error from None
    if not run.identity.owns(existing):
        raise KubeError(
            f"pipelineexecution/{name} (namespace {run.namespace}) exists already and belongs to something else than "
            f"{run.identity.text}: nothing was launched. Delete it, or give this Airflow a namespace of its own."
        ) from error
    check_ours(existing, run.identity)
    if relation_of(existing, run.tried) is Relation.ANOTHER_RUN:
        raise KubeError(
            f"pipelineexecution/{name} (namespace {run.namespace}) was launched in this moment for another run of the "
            "same id: nothing was launched for this one; a retry looks again."
        ) from error
    return existing


def until_synced(client: KubeClient, outcome: Outcome, *, observed: Callable[[Resource], Outcome], log: Log) -> None:
    """Wait until SageMaker has a Pipeline as it was applied.

    :raises NotSynced: it has not within two minutes.
    :raises KubeError: the cluster cannot be asked.
    """
    if outcome.state is State.SUCCEEDED:
        return
    log.info("Waiting until %s is synced with SageMaker, at most %.0f s.", outcome.resource, _SYNC_SECONDS)
    last, _ = wait(
        client,
        PIPELINE,
        outcome.name,
        namespace=outcome.namespace,
        uid=outcome.uid,
        deadlines=Deadlines(finish_by=time.time() + _SYNC_SECONDS),
    )
    if last.state is State.UNSEEN:
        last = asked_at_last(client, last, observed=observed, log=log)
    if last.state is not State.SUCCEEDED:
        raise NotSynced(
            f"{last.resource} was not synced with SageMaker within {_SYNC_SECONDS:.0f} s ({last.state}: "
            f"{last.reason or 'no reason given'}): nothing was launched; a retry goes on.",
            last,
        )
