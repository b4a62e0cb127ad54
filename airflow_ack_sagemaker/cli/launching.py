"""The PipelineExecution of a launch from the command line.

No task of Airflow made it, so that it has no identity (`core.resource.identity`): its name is the pipeline's and a
random number, in the form of the names that tasks give, so that `doctor` finds an execution that was started twice. It
is managed by the same hand (``app.kubernetes.io/managed-by``), and the label ``airflow-ack-sagemaker/launched-by`` says
``cli``. Without an identity no task waits for it: it may be collected as soon as it has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.rows import LABEL_LAUNCHED_BY
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
    ExecutionSpec,
    check_resource_name,
    pipeline_name_of,
)

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

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
            "annotations": {**spec.annotations, **region, **(annotations or {})},
        },
        "spec": body,
    }


def create(client: KubeClient, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Create it once.

    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    from airflow_ack_sagemaker.kube.errors import NotFound, Unreachable

    try:
        return client.create(PIPELINE_EXECUTION, manifest)
    except Unreachable as error:
        if not error.sent:
            raise
        try:  # the reply was lost; the name is random, so that what has it is this one
            return client.get(PIPELINE_EXECUTION, manifest["metadata"]["name"], manifest["metadata"]["namespace"])
        except NotFound:
            raise error from None
