"""A launch from the command line: what it is asked for, its PipelineExecution, and the parts of one that failed.

No task of Airflow made it, so that it has no identity (`core.resource.identity`): its name is the pipeline's and a
random number, in the form of the names that tasks give, so that `doctor` finds an execution that was started twice. It
is managed by the same hand (``app.kubernetes.io/managed-by``), and the label ``airflow-ack-sagemaker/launched-by`` says
``cli``. Without an identity no task waits for it: it may be collected as soon as it has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.app import InputError, complain
from airflow_ack_sagemaker.cli.connection import aws_client
from airflow_ack_sagemaker.cli.rows import LABEL_LAUNCHED_BY
from airflow_ack_sagemaker.cli.sources import read_file
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import (
    LABEL_ATTEMPT,
    LABEL_PIPELINE,
    MANAGED_BY,
    MAX_NAME,
    PREFIX,
    RunIdentity,
    label_value,
    slug,
)
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import (
    ANNOTATION_REGION,
    STOPPED_WITH_ITS_RESOURCE,
    ExecutionSpec,
    check_resource_name,
    pipeline_name_of,
    runs_pipeline,
)
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.retry_steps import obstacle, retry_from
from airflow_ack_sagemaker.core.run.step_runs import run_of_step
from airflow_ack_sagemaker.core.run.stopping import is_given_up

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.pipeline import KnownPipeline

ANNOTATION_RETRY_OF = f"{PREFIX}/retry-of"
_TAIL = 15
"""Characters after the pipeline's name: a hyphen, twelve digits, and the attempt."""


def new_name(pipeline: str) -> str:
    """A name for an execution that was never given before."""
    return f"{slug(pipeline, MAX_NAME - _TAIL)}-{secrets.token_hex(6)}-1"


def execution_manifest(
    spec: ExecutionSpec, namespace: str, name: str, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The resource to create.

    :raises SpecError: a value that Kubernetes or SageMaker would refuse.
    """
    pipeline = pipeline_name_of(spec.pipeline_name)
    named = replace(spec, display_name=spec.display_name or check_resource_name(name))
    # Of what the operators would create, the spec: what they write about the task's run does not apply here.
    body = named.manifest(namespace, RunIdentity(PREFIX, "cli", "run"), attempt=1, tried=Try())["spec"]
    region = {ANNOTATION_REGION: spec.region} if spec.region else {}
    return {
        "apiVersion": API_VERSION,
        "kind": PIPELINE_EXECUTION.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                MANAGED_BY: PREFIX,
                LABEL_LAUNCHED_BY: "cli",
                LABEL_ATTEMPT: "1",
                LABEL_PIPELINE: label_value(pipeline),
            },
            "annotations": {**STOPPED_WITH_ITS_RESOURCE, **spec.annotations, **region, **(annotations or {})},
        },
        "spec": body,
    }


def create(client: KubeClient, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Create it once.

    :raises Unreachable: the API server does not answer; with ``sent``, whether it was created is not known.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    from airflow_ack_sagemaker.kube.errors import KubeError, Unreachable

    before = client.server_time
    try:
        return client.create(PIPELINE_EXECUTION, manifest)
    except Unreachable as error:
        if not error.sent:
            raise
        try:  # the reply was lost; the name is random, so that what has it is this one
            found = client.get(PIPELINE_EXECUTION, fields.name(manifest), fields.namespace(manifest))
        except KubeError:
            raise error from None
        # But where a person has given the name: then it may be that of an older one.
        made = fields.created(found)
        if before is not None and made is not None and made < before:
            raise error from None
        return found


def parameters_like(client: KubeClient, pipeline: str, which: str) -> dict[str, str]:
    """The parameters of an execution, by its name, or of the pipeline's ``last`` one.

    :raises InputError: there is none.
    """
    if which != "last":
        return fields.parameters(client.get(PIPELINE_EXECUTION, which))
    found = [item for item in client.list(PIPELINE_EXECUTION).items if runs_pipeline(item, pipeline)]
    if not found:
        raise InputError(
            f"There is no execution of {pipeline} in namespace {client.namespace} to take parameters from."
        )
    newest = max(found, key=lambda item: (str(fields.created(item)), fields.name(item)))
    complain(f"Parameters are those of pipelineexecution/{fields.name(newest)}.")
    return fields.parameters(newest)


def parameters_in(path: Path) -> dict[str, Any]:
    """The parameters that a file in JSON or YAML holds.

    :raises InputError: it holds something else.
    """
    from airflow_ack_sagemaker.untrusted_yaml import MAX_ADDED, UntrustedYamlError, documents_in

    content = read_file(path)
    try:
        values, *others = documents_in(content, aliases=MAX_ADDED) or [None]
    except UntrustedYamlError as error:
        said = "cannot be read" if error.reason else "is neither JSON nor YAML"
        raise InputError(f"{path} {said}: {error}") from error
    if others:
        raise InputError(f"{path} must hold one document, not {1 + len(others)}.")
    if not isinstance(values, Mapping):
        raise InputError(f"{path} must hold an object of names and values, not {type(values).__name__}.")
    return {str(name): value for name, value in values.items()}


def spec_again(failed: Mapping[str, Any]) -> ExecutionSpec:
    """What an execution was asked for, to ask for it once more.

    :raises InputError: it has not failed, or may run on.
    """
    outcome = classify(failed)
    if is_given_up(outcome):
        raise InputError(ending(outcome, Verdict.REACHED))
    if outcome.state not in (State.FAILED, State.STOPPED, State.REFUSED):
        raise InputError(
            f"{outcome.resource} has not failed: it is {outcome.sagemaker_status or outcome.state}. To launch another "
            f"one like it: ack-sagemaker run {fields.pipeline_name(failed)} --parameters-of {outcome.name}"
        )
    spec = fields.spec(failed)
    parallelism = spec.get("parallelismConfiguration")
    return ExecutionSpec(
        pipeline_name=str(spec.get("pipelineName")),
        parameters=[{"name": name, "value": value} for name, value in fields.parameters(failed).items()],
        description=fields.text(spec, "pipelineExecutionDescription"),
        max_parallel_steps=parallelism.get("maxParallelExecutionSteps") if isinstance(parallelism, Mapping) else None,
        pipeline_version_id=spec.get("pipelineVersionID"),
        region=fields.annotation(failed, "services.k8s.aws/region"),
    )


def limited_to_failed(
    failed: Mapping[str, Any], spec: ExecutionSpec, known: KnownPipeline, aws_conn_id: str | None
) -> ExecutionSpec:
    """The spec limited to what the failed execution has not done.

    :raises InputError: that cannot be.
    """
    from airflow_ack_sagemaker.aws.steps import listed_steps

    outcome = classify(failed)
    definition = known.definition
    why: str | None = "the definition that it ran is not known"
    if definition is not None:
        why = obstacle(
            failed,
            parameters={item["name"]: item["value"] for item in spec.parameters},
            pipeline_version_id=spec.pipeline_version_id,
            definition_sha256=definition.sha256,
        )
    if why is None and definition is not None:
        client = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=outcome.region)
        runs = [run_of_step(step) for step in listed_steps(client, outcome.arn or "")]
        types = {step.name: step.type for step in definition.steps}
        selective, why = retry_from(failed, runs, definition.graph, types=types)
        if selective is not None:
            complain(f"Runs again: {', '.join(selective.steps)} ({why}).")
            return replace(spec, selected_steps=selective.steps, source_execution_arn=selective.source_arn)
    raise InputError(
        f"{outcome.resource} cannot be retried from its failed step: {why}. Without --from-failed-step the whole "
        "pipeline runs."
    )
