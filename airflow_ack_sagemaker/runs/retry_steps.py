"""A retry that runs only what failed: asks SageMaker for the steps, and limits the spec where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_RETRY_WHOLE, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.decision import attempt_of
from airflow_ack_sagemaker.core.run.retry_steps import obstacle, retry_from
from airflow_ack_sagemaker.core.run.step_runs import StepRun
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import resources_of
from airflow_ack_sagemaker.runs.pipeline import KnownPipeline

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.kube.client import KubeClient

StepsOf = Callable[[Outcome], Sequence[StepRun]]
"""Asks SageMaker which steps an execution has run."""


def from_failed_step(
    spec: ExecutionSpec, failed: Resource, pipeline: KnownPipeline, steps_of: StepsOf, log: Log
) -> ExecutionSpec:
    """The spec limited to what the failed attempt has not done.

    Where that cannot be, the spec as it is, with a line in the log that says why.
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
        name = fields.name(max(failed, key=attempt_of))
        body = {"metadata": {"annotations": {ANNOTATION_RETRY_WHOLE: why}}}
        try:
            client.patch(PIPELINE_EXECUTION, name, body, namespace)
        except KubeError as error:
            log.warning("Cannot record on pipelineexecution/%s that its retry is to run it all: %s", name, error)
