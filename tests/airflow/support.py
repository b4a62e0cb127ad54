"""What the tests here share: a pipeline of one's own, looked at from outside the package."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG, wait_until

GROUP = "/apis/sagemaker.services.k8s.aws/v1alpha1"
BUCKET = "case-definitions"


def definition(rounds: int = 10, **changes: Any) -> dict[str, Any]:
    """A definition of two steps and one parameter."""
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Rounds", "Type": "Integer", "DefaultValue": rounds}],
        "Steps": [
            {
                "Name": "Train",
                "Type": "Training",
                "Arguments": {"HyperParameters": {"rounds": {"Get": "Parameters.Rounds"}}},
            },
            {
                "Name": "Evaluate",
                "Type": "Processing",
                "DependsOn": ["Train"],
                "Arguments": {"AppSpecification": {"ImageUri": "x"}},
            },
        ],
        **changes,
    }


def monitoring_schedule(name: str) -> dict[str, Any]:
    """A MonitoringSchedule of this name, for the endpoint ``NAME-endpoint``."""
    target = {"endpointName": f"{name}-endpoint", "localPath": "/opt/ml/processing/input"}
    output = {"localPath": "/opt/ml/out", "s3URI": "s3://ml-models/monitoring"}
    cluster = {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 20}
    job = {
        "monitoringInputs": [{"endpointInput": target}],
        "monitoringOutputConfig": {"monitoringOutputs": [{"s3Output": output}]},
        "monitoringResources": {"clusterConfig": cluster},
        "monitoringAppSpecification": {"imageURI": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"},
        "roleARN": "arn:aws:iam::123456789012:role/sagemaker",
    }
    config = {
        "scheduleConfig": {"scheduleExpression": "cron(0 * ? * * *)"},
        "monitoringType": "DataQuality",
        "monitoringJobDefinition": job,
    }
    return {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "MonitoringSchedule",
        "metadata": {"name": name},
        "spec": {"monitoringScheduleName": name, "monitoringScheduleConfig": config},
    }


@dataclass
class Case:
    """A pipeline that only one test uses."""

    airflow: AirflowProcesses
    sandbox: SandboxProcess
    pipeline: str = field(default_factory=lambda: f"case-{uuid.uuid4().hex[:8]}")

    @property
    def definition_uri(self) -> str:
        return f"s3://{BUCKET}/{self.pipeline}.json"

    def upload(self, body: Mapping[str, Any] | bytes | None = None) -> str:
        """Put a definition where `definition_uri` says; its version id."""
        content = body if isinstance(body, bytes) else json.dumps(body or definition()).encode()
        answer = self.sandbox.aws_client("s3").put_object(Bucket=BUCKET, Key=f"{self.pipeline}.json", Body=content)
        return str(answer["VersionId"])

    def apply(self, body: Mapping[str, Any] | None = None) -> None:
        """Have the pipeline in the cluster and in SageMaker, without Airflow."""
        self.kubernetes(
            "POST",
            "pipelines",
            json={
                "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
                "kind": "Pipeline",
                "metadata": {"name": self.pipeline},
                "spec": {
                    "pipelineName": self.pipeline,
                    "roleARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
                    "pipelineDefinition": json.dumps(body or definition()),
                },
            },
        )
        wait_until(
            lambda: self.resource("pipelines", self.pipeline).get("status", {}).get("pipelineStatus") == "Active",
            20,
            "the pipeline to be synced",
        )

    def wait_for_the_next_second(self) -> None:
        """Wait until the API server's clock has left the second of the pipeline's last write."""
        entries = self.resource("pipelines", self.pipeline)["metadata"]["managedFields"]
        last = max(datetime.fromisoformat(entry["time"]) for entry in entries)
        with self.sandbox.kubernetes_client() as client:
            wait_until(
                lambda: parsedate_to_datetime(client.get("/version").headers["date"]) > last,
                5,
                "the next second",
                every=0.05,
            )

    def script(self, *rules: str) -> None:
        """Add rules for this pipeline's steps, or for API operations."""
        scoped = [
            rule if rule.split("=")[0].split("#")[0].endswith(("Execution", "Pipeline")) else f"{self.pipeline}/{rule}"
            for rule in rules
        ]
        self.control("POST", "script", json={"rules": scoped})

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        """The sandbox's own levers."""
        url = f"{self.sandbox.aws_endpoint_url}/_sandbox/{path}"
        answer = httpx.request(method, url, trust_env=False, timeout=HUNG, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def kubernetes(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """A plain request to the cluster."""
        with self.sandbox.kubernetes_client() as client:
            answer = client.request(method, f"{GROUP}/namespaces/{self.sandbox.namespace}/{path}", **arguments)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def resource(self, plural: str, name: str) -> dict[str, Any]:
        """A resource, or an empty mapping."""
        return self.kubernetes("GET", f"{plural}/{name}")

    def resources(self) -> list[dict[str, Any]]:
        """This pipeline's PipelineExecution resources."""
        items: list[dict[str, Any]] = self.kubernetes("GET", "pipelineexecutions")["items"]
        return [item for item in items if item["spec"]["pipelineName"] == self.pipeline]

    def executions(self) -> list[dict[str, Any]]:
        """This pipeline's executions in SageMaker, oldest first."""
        client = self.sandbox.aws_client("sagemaker")
        try:
            answer = client.list_pipeline_executions(PipelineName=self.pipeline, SortOrder="Ascending", MaxResults=100)
        except client.exceptions.ResourceNotFound:
            return []
        return list(answer["PipelineExecutionSummaries"])

    def parameters(self, arn: str) -> dict[str, str]:
        """The parameters that an execution runs with."""
        client = self.sandbox.aws_client("sagemaker")
        answer = client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        return {item["Name"]: item["Value"] for item in answer["PipelineParameters"]}

    def statuses(self) -> list[str]:
        """The statuses of this pipeline's executions in SageMaker, oldest first."""
        return [execution["PipelineExecutionStatus"] for execution in self.executions()]

    def wait_statuses(self, *statuses: str, timeout: float = 60) -> None:
        """Wait until SageMaker has exactly these executions."""
        wait_until(lambda: self.statuses() == list(statuses), timeout, lambda: f"{statuses}: {self.statuses()}")

    def conf(self, **values: Any) -> dict[str, Any]:
        """A run's conf."""
        return {"pipeline": self.pipeline, "definition_uri": self.definition_uri, **values}

    def run(self, dag_id: str, timeout: float = 90, **values: Any) -> tuple[str, str]:
        """Run a DAG to its end: (run id, state)."""
        return self.airflow.api.run_dag(dag_id, self.conf(**values), timeout)

    def start(self, dag_id: str, **values: Any) -> str:
        """Start a run of a DAG: its id."""
        self.airflow.api.wait_for_dag(dag_id)
        self.airflow.api.unpause(dag_id)
        return self.airflow.api.trigger(dag_id, self.conf(**values))
