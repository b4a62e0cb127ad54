"""`AckSandbox`: the sandbox as a test wants it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION, kind_of
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.sandbox import Sandbox

REGION = "us-east-1"
NAMESPACE = "default"
_CREDENTIALS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}


class AckSandbox:
    """A cluster with the ACK controller, S3 and SageMaker, in this process. A context manager.

    ```python
    from airflow_ack_sagemaker.testing import AckSandbox

    def look_around():
        with AckSandbox(script=["Train#1=Failed:out of memory"]) as sandbox:
            sandbox.put_definition("s3://definitions/demand.json", {"Version": "2020-12-01", "Steps": []})
            return sandbox.executions()
    ```

    :param speed: how many times faster than real time durations pass.
    :param step_seconds: how many seconds a pipeline's step takes, before ``speed``.
    :param script: outcomes, as for `script`.
    """

    def __init__(self, *, speed: float = 60.0, step_seconds: float = 20.0, script: Iterable[str] = ()) -> None:
        self._sandbox = Sandbox(speed=speed, step_seconds=step_seconds, script=script)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._sandbox)
            config = cluster_config({"kube_config": self._sandbox.kubeconfig}, conn_id="ack_sandbox", environ={})
            self.client = stack.enter_context(KubeClient(config))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes Airflow's connections ``kubernetes_default`` and ``aws_default``, and boto3, lead here."""
        return self._sandbox.environment

    def script(self, *rules: str) -> None:
        """Say how things end: ``Train#1=Failed:out of memory``, ``Train=seconds:600``, ``Train=hold``,
        ``abalone/*=Stopped``, ``StartPipelineExecution#2=ThrottlingException:Rate exceeded``. Later rules win.

        :raises ScriptError: a text that is no rule.
        """
        self._sandbox.script.add(*rules)

    def boto3(self, service: str) -> Any:
        """boto3's client of a service here; closed with the sandbox.

        :param service: ``s3``, ``sagemaker``, ``sts``, ...
        """
        import boto3

        client = boto3.client(service, region_name=REGION, endpoint_url=self._sandbox.aws_endpoint_url, **_CREDENTIALS)
        self._stack.callback(client.close)
        return client

    def put_definition(self, uri: str, definition: str | bytes | Mapping[str, Any]) -> str:
        """Put a definition into S3, in a bucket that is made where it is missing; gives its version id, or "".

        :param uri: ``s3://bucket/key``.
        :param definition: the definition, as JSON or a mapping.
        """
        from airflow_ack_sagemaker.aws.s3 import S3Source

        source = S3Source.parse(uri)
        body = json.dumps(definition) if isinstance(definition, Mapping) else definition
        s3 = self.boto3("s3")
        if source.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=source.bucket)
        stored = s3.put_object(Bucket=source.bucket, Key=source.key, Body=body)
        return str(stored.get("VersionId") or "")

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a kind, the oldest first.

        :param kind: the kind, for example ``Pipeline``.
        """
        items = self.client.list(kind_of(kind), NAMESPACE).items
        return sorted(items, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))

    def executions(self) -> list[dict[str, Any]]:
        """The PipelineExecutions, the oldest first."""
        return self.resources(PIPELINE_EXECUTION.kind)

    def sagemaker_executions(self, pipeline: str) -> list[dict[str, Any]]:
        """What SageMaker knows of a pipeline's executions, the newest first: also those whose resource is gone.

        :param pipeline: name of the pipeline in SageMaker.
        """
        found = self.boto3("sagemaker").list_pipeline_executions(PipelineName=pipeline)
        summaries: list[dict[str, Any]] = found["PipelineExecutionSummaries"]
        return summaries
